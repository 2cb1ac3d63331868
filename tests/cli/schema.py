"""Checks events against pipeline/cli/manual/events.json, of JSON Schema what that file uses. Stricter than the schema in one
thing: a member that it does not describe is a fault."""
import json
import pathlib

FILE = pathlib.Path(__file__).resolve().parents[2] / "pipeline" / "cli" / "manual" / "events.json"
SCHEMA = json.loads(FILE.read_text())
EVENTS = [entry["$ref"].rsplit("/", 1)[1] for entry in SCHEMA["oneOf"]]
USED = {"$ref", "description", "x-commands", "type", "required", "properties", "items", "const", "enum", "oneOf"}


def is_of(value, name):
    if isinstance(value, bool):
        return name == "boolean"
    types = {"string": str, "integer": int, "number": (int, float), "array": list, "object": dict, "null": type(None)}
    return name in types and isinstance(value, types[name])


def faults(value, schema, where):
    """Lines about what differs."""
    if "$ref" in schema:
        yield from faults(value, SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]], where)
        return
    if "oneOf" in schema:
        if sum(not list(faults(value, one, where)) for one in schema["oneOf"]) != 1:
            yield "%s: %r is none of the alternatives" % (where, value)
        return
    if "const" in schema and (value != schema["const"] or isinstance(value, bool) != isinstance(schema["const"], bool)):
        yield "%s: %r is not %r" % (where, value, schema["const"])
    if "enum" in schema and value not in schema["enum"]:
        yield "%s: %r is none of %s" % (where, value, schema["enum"])
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_of(value, name) for name in types):
        yield "%s: %r is no %s" % (where, value, " or ".join(types))
        return
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield "%s: lacks %s" % (where, name)
        for name, member in value.items():
            if name not in properties:
                yield "%s: %s is not described" % (where, name)
            else:
                yield from faults(member, properties[name], "%s.%s" % (where, name))
    elif isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            yield from faults(item, schema["items"], "%s[%d]" % (where, i))


def check(event, command=None):
    """Fails where an event is not as described, or is none that is told to come from the command, one or two words."""
    name = event.get("event")
    if name not in EVENTS:
        raise AssertionError("the event %r is not described in %s" % (name, FILE.name))
    commands = SCHEMA["$defs"][name]["x-commands"].split(", ")
    if command and commands != ["all"] and not {command, command.split()[0]} & set(commands):
        raise AssertionError("%s says that %s comes from %s, not from %s" % (FILE.name, name, ", ".join(commands), command))
    found = list(faults(event, SCHEMA["$defs"][name], name))
    if found:
        raise AssertionError("not as %s describes it: %s" % (FILE.name, "; ".join(found)))
    return event
