import assert from "node:assert/strict";
import type { CollectorStatus } from "../../core/status.ts";
import { mergeStatus, UNKNOWN_STATUS } from "../../program/merge_status.ts";

type Part = Omit<CollectorStatus, "name">;

function part(known: Partial<Part>): Part {
  return { ...UNKNOWN_STATUS, ...known };
}

function merged(...parts: readonly (Partial<Part> | undefined)[]): CollectorStatus {
  return mergeStatus("test", parts.map((known) => known && part(known)));
}

const [GOOD, BAD, NEW] = [{ success: true }, { success: false }, { success: undefined }];

const SUCCESSES: readonly {
  readonly what: string;
  readonly parts: readonly (Partial<Part> | undefined)[];
  readonly success: boolean | undefined;
}[] = [
  { what: "there is no part", parts: [], success: true },
  { what: "all parts succeeded", parts: [GOOD, GOOD], success: true },
  { what: "one failed", parts: [GOOD, BAD], success: false },
  { what: "one has done nothing yet", parts: [GOOD, NEW], success: undefined },
  { what: "one has told nothing yet", parts: [GOOD, undefined], success: undefined },
  { what: "one failed and one has told nothing yet", parts: [undefined, BAD], success: false },
];

for (const { what, parts, success } of SUCCESSES) {
  Deno.test(`mergeStatus() gives the success ${success} when ${what}`, () => {
    assert.equal(merged(...parts).success, success);
  });
}

Deno.test("mergeStatus() gives the name", () => {
  assert.equal(merged(GOOD).name, "test");
});

Deno.test("mergeStatus() gives the longest duration", () => {
  const parts = [{ durationSeconds: 1 }, { durationSeconds: 3 }, undefined, { durationSeconds: 2 }];
  assert.deepEqual([merged(...parts).durationSeconds, merged().durationSeconds], [3, 0]);
});

Deno.test("mergeStatus() gives the time of the part that has not succeeded for the longest", () => {
  const [old, young] = [{ lastSuccessSeconds: 100 }, { lastSuccessSeconds: 200 }];
  const all = [[young, old], [young, NEW], [young, undefined], [undefined]];
  assert.deepEqual(all.map((parts) => merged(...parts).lastSuccessSeconds), [100, 0, 200, 0]);
});

Deno.test("mergeStatus() of no parts has succeeded just now", () => {
  assert.ok(merged().lastSuccessSeconds > Date.now() / 1000 - 60);
});

Deno.test("mergeStatus() gives the error of the first part that fails", () => {
  const parts = [GOOD, { ...BAD, lastError: "It broke" }, { ...BAD, lastError: "It is late" }];
  assert.equal(merged(...parts).lastError, "It broke");
});

Deno.test("mergeStatus() gives no error when all parts succeeded", () => {
  assert.equal(merged(GOOD, GOOD).lastError, "");
});

Deno.test("mergeStatus() adds up the problems by reason", () => {
  const problems = [new Map([["a", 1], ["b", 2]]), new Map([["b", 3], ["c", 0]])];
  const all = merged(...problems.map((problems) => ({ problems })), undefined).problems;
  assert.deepEqual([...all], [["a", 1], ["b", 5], ["c", 0]]);
});

Deno.test("mergeStatus() gives a quality as good when it is good in all parts that tell it", () => {
  const parts = [{ a: true, b: true }, { b: false, c: true }];
  const all = merged(...parts.map((each) => ({ qualities: new Map(Object.entries(each)) }))).qualities;
  assert.deepEqual(Object.fromEntries(all), { a: true, b: false, c: true });
});

Deno.test("mergeStatus() changes nothing of what the parts tell", () => {
  const problems = new Map([["a", 1]]), qualities = new Map([["a", true]]);
  const both = merged({ problems, qualities }, { problems, qualities });
  assert.deepEqual([both.problems.get("a"), problems.get("a")], [2, 1]);
});
