import assert from "node:assert/strict";
import { didYouMean } from "../../core/nearest.ts";

const FLAGS = ["web.listen-address", "web.telemetry-path", "log.level", "log.format", "path.procfs"];

const CASES = [
  { word: "log.levl", near: "log.level", what: "a letter is missing" },
  { word: "log.levvel", near: "log.level", what: "there is a letter too many" },
  { word: "log.lavel", near: "log.level", what: "a letter is wrong" },
  { word: "log.leevl", near: "log.level", what: "two neighbours are swapped" },
  { word: "LOG.LEVEL", near: "log.level", what: "the case is wrong" },
  { word: "web.listen-adress", near: "web.listen-address", what: "a long word has a slip" },
  { word: "web.listen", near: undefined, what: "half the word is missing" },
  { word: "xyz", near: undefined, what: "nothing is near" },
  { word: "", near: undefined, what: "the word is empty" },
];

for (const { word, near, what } of CASES) {
  Deno.test(`didYouMean() gives ${near ?? "nothing"} when ${what}`, () => {
    assert.equal(didYouMean(word, FLAGS), near === undefined ? "" : ` (did you mean "${near}"?)`);
  });
}

Deno.test("didYouMean() gives nothing when there are no candidates", () => {
  assert.equal(didYouMean("log.level", []), "");
});

Deno.test("didYouMean() gives the nearest of several that are near", () => {
  assert.equal(didYouMean("bytes_in", ["bytes_out", "bytes_ix", "bits_in"]), ' (did you mean "bytes_ix"?)');
});

Deno.test("didYouMean() gives the first of equally near ones", () => {
  assert.equal(didYouMean("cat", ["bat", "hat"]), ' (did you mean "bat"?)');
});

Deno.test("didYouMean() writes the candidate in its own case", () => {
  assert.equal(didYouMean("cleint", ["Client"]), ' (did you mean "Client"?)');
});

Deno.test("didYouMean() counts a swap of neighbours as one slip", () => {
  assert.equal(didYouMean("tpc", ["tcp"]), ' (did you mean "tcp"?)');
});

Deno.test("didYouMean() allows a short word one slip", () => {
  assert.equal(didYouMean("tcp", ["udp"]), "");
});

Deno.test("didYouMean() allows a word of five letters one slip", () => {
  assert.equal(didYouMean("bytes", ["bitez"]), "");
});

Deno.test("didYouMean() allows a word of six letters two slips", () => {
  assert.equal(didYouMean("sokcte", ["socket"]), ' (did you mean "socket"?)');
});

Deno.test("didYouMean() takes the candidates from any iterable", () => {
  assert.equal(didYouMean("nme", new Map([["name", 1]]).keys()), ' (did you mean "name"?)');
});
