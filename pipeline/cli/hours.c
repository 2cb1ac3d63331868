#include "cli/hours.h"

#include <stdio.h>
#include <string.h>

#include "cli/value.h"

/* "07:30" of five characters. */
static bool read_minute(const char *text, uint16_t *minute)
{
    char hour[3] = {text[0], text[1]}, rest[3] = {text[3], text[4]};
    uint64_t hours, minutes;
    if (text[2] != ':' || !cli_read_whole(hour, 0, 23, &hours) || !cli_read_whole(rest, 0, 59, &minutes))
        return false;
    *minute = (uint16_t)(60 * hours + minutes);
    return true;
}

bool cli_hours_read(const char *text, struct cli_hours *hours)
{
    enum { TIME = sizeof "19:00" - 1 };
    struct cli_hours read;
    if (strlen(text) != 2 * TIME + 1 || text[TIME] != '-' || !read_minute(text, &read.from) ||
        !read_minute(text + TIME + 1, &read.to) || read.from == read.to)
        return false;
    *hours = read;
    return true;
}

bool cli_hours_have(const struct cli_hours *hours, time_t now)
{
    struct tm local;
    if (hours->from == hours->to || !localtime_r(&now, &local))
        return true;
    const int minute = 60 * local.tm_hour + local.tm_min;
    const bool after = minute >= hours->from, before = minute < hours->to;
    return hours->from < hours->to ? after && before : after || before;
}

time_t cli_hours_turn(const struct cli_hours *hours, time_t now)
{
    const int minute = cli_hours_have(hours, now) ? hours->to : hours->from;
    struct tm local;
    if (!localtime_r(&now, &local))
        return now;
    /* By the calendar, since not every day has 24 hours. */
    for (int days = 0; days < 2; days++) {
        struct tm turn = local;
        turn.tm_mday += days;
        turn.tm_hour = minute / 60;
        turn.tm_min = minute % 60;
        turn.tm_sec = 0;
        turn.tm_isdst = -1;
        const time_t moment = mktime(&turn);
        if (moment > now)
            return moment;
    }
    return now;
}

void cli_hours_say(char *to, size_t size, const struct cli_hours *hours)
{
    snprintf(to, size, "outside of its hours %02d:%02d-%02d:%02d; goes on at %02d:%02d", hours->from / 60,
             hours->from % 60, hours->to / 60, hours->to % 60, hours->from / 60, hours->from % 60);
}
