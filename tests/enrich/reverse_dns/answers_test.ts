import assert from "node:assert/strict";
import { Answers } from "../../../enrich/reverse_dns/answers.ts";

const nobody = () => false;
const STALE_MS = 300_000;

Deno.test("Answers.get() gives the last answer that was set", () => {
  const answers = new Answers(10);
  answers.set("a", "old", 1);
  answers.set("a", "new", 2);
  assert.deepEqual([answers.get("a")?.name, answers.get("b"), answers.size], ["new", undefined, 1]);
});

Deno.test("Answers.sweep() makes an answer stale when its time is over, and keeps it", () => {
  const answers = new Answers(10);
  answers.set("a", "name", 5000);
  assert.deepEqual(answers.sweep(4999, nobody), []);
  assert.equal(answers.isFresh("a"), true);
  assert.deepEqual(answers.sweep(5000, nobody), ["a"]);
  assert.deepEqual([answers.isFresh("a"), answers.get("a")?.name], [false, "name"]);
});

Deno.test("Answers.sweep() tells of a stale answer once", () => {
  const answers = new Answers(10);
  answers.set("a", "name", 5000);
  answers.sweep(5000, nobody);
  assert.deepEqual(answers.sweep(10_000, nobody), []);
});

Deno.test("Answers.sweep() forgets a stale answer that nobody has asked for", () => {
  const answers = new Answers(10);
  answers.set("a", "name", 5000);
  answers.sweep(5000, nobody);
  assert.deepEqual(answers.sweep(5000 + STALE_MS, nobody), []);
  assert.equal(answers.get("a"), undefined);
});

Deno.test("Answers.sweep() keeps a stale answer that is waited for", () => {
  const answers = new Answers(10);
  answers.set("a", "name", 5000);
  answers.sweep(5000, nobody);
  answers.sweep(5000 + STALE_MS, () => true);
  assert.equal(answers.get("a")?.name, "name");
});

Deno.test("Answers.set() makes an answer fresh that was stale", () => {
  const answers = new Answers(10);
  answers.set("a", "name", 5000);
  answers.sweep(5000, nobody);
  answers.set("a", "name", 20_000);
  assert.equal(answers.isFresh("a"), true);
  assert.deepEqual(answers.sweep(10_000, nobody), []);
  assert.deepEqual(answers.sweep(20_000, nobody), ["a"]);
});

Deno.test("Answers.sweep() looks at most once a second", () => {
  const answers = new Answers(10);
  answers.set("a", undefined, 1000);
  answers.set("b", undefined, 1100);
  assert.deepEqual(answers.sweep(1000, nobody), ["a"]);
  assert.deepEqual(answers.sweep(1999, nobody), []);
  assert.deepEqual(answers.sweep(2000, nobody), ["b"]);
});

Deno.test("Answers.sweep() makes at most a thousand answers stale at a time, and all in the end", () => {
  const answers = new Answers(10_000);
  for (let i = 0; i < 2500; i++) answers.set(String(i), undefined, 1000);
  const counts = [1000, 2000, 3000, 4000].map((now) => answers.sweep(now, nobody).length);
  assert.deepEqual(counts, [1000, 1000, 500, 0]);
});

Deno.test("Answers.set() forgets the oldest when it is full, and says which", () => {
  const answers = new Answers(300);
  for (let i = 0; i < 300; i++) assert.deepEqual(answers.set(String(i), "name", 1000), []);
  answers.set("0", "again", 1000);
  assert.deepEqual(answers.set("300", "name", 1000), ["1", "2", "3"]);
  assert.equal(answers.size, 298);
  assert.equal(answers.get("0")?.name, "again");
});

Deno.test("Answers never has more than its limit", () => {
  const answers = new Answers(100);
  for (let i = 0; i < 10_000; i++) {
    answers.set(String(i), undefined, 1000 + i);
    assert(answers.size <= 100);
  }
});
