"""The pages that packshot writes, in a real browser: the clips play, the cards are the inputs, nothing leaves the machine."""
import unittest
import urllib.parse

import batching
import browser
import harness
from batching import SMALL, SOME_FAILED
from harness import OK

SECOND = [*SMALL[:5], "7", *SMALL[6:]]  # seven frames, at seven a second

# Plays every clip for a quarter of a second of its own time, or says why it does not.
PLAY = """
Promise.all([...document.querySelectorAll('video')].map(async video => {
    const about = {src: video.getAttribute('src'), error: null};
    try {
        await Promise.race([
            (async () => {
                await video.play();
                const from = video.currentTime;
                while (!((video.currentTime - from + 10) % 10 > 0.25) || video.getVideoPlaybackQuality().totalVideoFrames < 2) {
                    if (video.error) throw new Error(video.error.message);
                    await new Promise(done => setTimeout(done, 20));
                }
            })(),
            new Promise((_, fail) => setTimeout(() => fail(new Error('does not go on at ' + video.currentTime)), 30000))]);
    } catch (error) {
        about.error = String(error) + (video.error ? ' ' + video.error.message : '');
    }
    Object.assign(about, {width: video.videoWidth, height: video.videoHeight, ready: video.readyState, length: video.duration,
                          dropped: video.getVideoPlaybackQuality().corruptedVideoFrames || 0});
    return about;
}))
"""
PICTURES = """
Promise.all([...document.images].map(async picture => {
    picture.loading = 'eager';
    try { await picture.decode(); } catch (error) { }
    return [picture.getAttribute('src'), picture.naturalWidth, picture.naturalHeight];
}))
"""
CARDS = """
({cards: [...document.querySelectorAll('section')].map(card => card.className),
  counts: Object.fromEntries([...document.querySelectorAll('#counts tr')].map(row => [row.cells[0].innerText, +row.cells[1].innerText])),
  links: [...document.links].map(link => link.getAttribute('href')), title: document.title, text: document.body.innerText})
"""


@unittest.skipUnless(browser.find(), "no Chromium here")
class Pages(batching.Case):
    @classmethod
    def setUpClass(cls):
        cls.browser = browser.Browser(browser.find())
        cls.addClassCleanup(cls.browser.close)

    def show(self, page):
        """Opens the page and says what stands on it."""
        self.browser.open(self.folder / page)
        return self.browser.run(CARDS)

    def assert_quiet(self):
        """It asked for nothing but files, and what the browser itself draws players with, and complained of nothing."""
        self.assertTrue(self.browser.requests)
        self.assertEqual([url for url in self.browser.requests if not url.startswith(("file:", "data:"))], [])
        self.assertEqual(self.browser.complaints, [])

    def test_the_contact_sheet_of_a_batch(self):
        self.photos(5)
        self.write("cut.png", batching.photo(0)[:50])
        names = ["first.mp4", "a b#1%2f&'.mp4", "wide.webm", "moving.gif", "moving.webp"]
        self.list("photo,output,width\n" + "".join('p%d.png,"%s",%s\n' % (i, name, "32" if i == 2 else "16") for i, name in enumerate(names))
                  + "cut.png,b&.mp4,\n")
        small = [*SECOND[2:]]  # without a width of the command line, which would win
        self.expect(SOME_FAILED, *self.arguments(small=small))
        self.expect(OK, "report", "out", "-o", "out/index.html", "--title", "spring <script>alert(1)</script>")
        page = self.show("out/index.html")
        counts = page["counts"]
        self.assertEqual((counts["done"], counts["failed"], counts["total"]), (5, 1, 6))
        self.assertEqual(sum(counts.values()), 2 * counts["total"])
        self.assertEqual(len(page["cards"]), counts["total"])
        for state in ("waiting", "running", "done", "failed", "ignored"):
            self.assertEqual(page["cards"].count(state), counts[state], state)
        self.assertEqual(page["title"], "spring <script>alert(1)</script>")
        self.assertIn("cut off", page["text"])
        clips = self.browser.run(PLAY)
        self.assertEqual({clip["src"]: clip["error"] for clip in clips}, dict.fromkeys(
            ["./" + urllib.parse.quote(name) for name in names[:3]]))
        for clip in clips:
            self.assertEqual((clip["width"], clip["height"], clip["dropped"]), (32 if "wide" in clip["src"] else 16, 16, 0), clip)
            self.assertGreaterEqual(clip["ready"], 2)
            self.assertAlmostEqual(clip["length"], 1, delta=0.15)
        self.assertEqual(self.browser.run(PICTURES), [["./moving.gif", 16, 16], ["./moving.webp", 16, 16]])
        self.assertEqual(len(page["links"]), 6)
        for link in page["links"]:
            self.assertTrue((self.folder / "out" / urllib.parse.unquote(link)).read_text().startswith("== "), link)
        self.assert_quiet()

    def test_the_page_of_candidates(self):
        self.write("p.png", batching.photo(1))
        self.expect(OK, "render", "p.png", "-o", "clip.mp4", "--model", self.model(), "--candidates", "3", *SECOND)
        page = self.show("clip-candidates.html")
        self.assertEqual(len(page["cards"]), 3)
        clips = self.browser.run(PLAY)
        self.assertEqual([(clip["src"], clip["error"], clip["width"]) for clip in clips],
                         [("./clip-seed%d.mp4" % seed, None, 16) for seed in range(3)])
        self.assert_quiet()

    def test_a_clip_that_is_damaged_is_noticed(self):
        """That the test can fail: of two clips one is cut, and a page that asks for more than files is told of."""
        self.rows(2)
        self.expect(OK, *self.arguments(small=SECOND))
        self.expect(OK, "report", "out", "-o", "out/index.html")
        clip = self.folder / "out/p1.mp4"
        clip.write_bytes(clip.read_bytes()[:200])
        self.show("out/index.html")
        self.assertEqual([clip["error"] is None for clip in self.browser.run(PLAY)], [True, False])
        text = (self.folder / "out/index.html").read_text()
        self.write("out/index.html", text.replace("<main>", '<main><img src="http://example.invalid/x.png">', 1).encode())
        self.show("out/index.html")
        with self.assertRaises(AssertionError):
            self.assert_quiet()


if __name__ == "__main__":
    harness.main()
