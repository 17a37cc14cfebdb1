import assert from "node:assert/strict";
import { followFile } from "../../../enrich/reverse_dns/follow_file.ts";
import { quiet } from "../../helpers/enrichers.ts";
import { until } from "./until.ts";

/** Follows a file in a folder of its own. */
class Following implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync();
  readonly path = `${this.folder}/pihole.log`;
  readonly context = quiet();
  readonly #lines: string[] = [];
  readonly #stopping = new AbortController();
  #done: Promise<void> | undefined;

  start(): void {
    const onLine = (line: string) => this.#lines.push(line);
    this.#done = followFile(this.path, { signal: this.#stopping.signal, log: this.context.log, onLine });
  }

  append(text: string): void {
    Deno.writeTextFileSync(this.path, text, { append: true });
  }

  /** Waits for so many lines. */
  async lines(count: number): Promise<string[]> {
    await until(() => this.#lines.length >= count);
    return this.#lines.splice(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#done;
    await Deno.remove(this.folder, { recursive: true });
  }
}

Deno.test("followFile() reads what is there and what is written later", async () => {
  await using following = new Following();
  following.append("one\ntwo\nthr");
  following.start();
  assert.deepEqual(await following.lines(2), ["one", "two"]);
  following.append("ee\nfour\n");
  assert.deepEqual(await following.lines(2), ["three", "four"]);
});

Deno.test("followFile() reads the end only of a file that is large", async () => {
  await using following = new Following();
  following.append("first\n" + `${"x".repeat(99)}\n`.repeat(20_000) + "last\n");
  following.start();
  const lines = await following.lines(10_486);
  assert.equal(lines.at(-1), "last");
  assert.equal(lines.includes("first"), false);
});

Deno.test("followFile() reads the new file when the old one was renamed", async () => {
  await using following = new Following();
  following.append("one\n");
  following.start();
  await following.lines(1);
  following.append("two\n");
  Deno.renameSync(following.path, `${following.path}.1`);
  following.append("three\n");
  assert.deepEqual(await following.lines(2), ["two", "three"]);
  following.append("four\n");
  assert.deepEqual(await following.lines(1), ["four"]);
});

Deno.test("followFile() reads the old file on when it was renamed and there is no new one", async () => {
  await using following = new Following();
  following.append("one\n");
  following.start();
  await following.lines(1);
  Deno.renameSync(following.path, `${following.path}.1`);
  Deno.writeTextFileSync(`${following.path}.1`, "two\n", { append: true });
  assert.deepEqual(await following.lines(1), ["two"]);
  following.append("three\n");
  assert.deepEqual(await following.lines(1), ["three"]);
});

Deno.test("followFile() reads a file from its beginning when it was cut", async () => {
  await using following = new Following();
  following.append("one, which is long\nhal");
  following.start();
  await following.lines(1);
  Deno.truncateSync(following.path);
  following.append("two\n");
  assert.deepEqual(await following.lines(1), ["two"]);
});

Deno.test("followFile() waits for a file that is not there, and says so once", async () => {
  await using following = new Following();
  following.start();
  await new Promise((resolve) => setTimeout(resolve, 1200));
  following.append("one\n");
  assert.deepEqual(await following.lines(1), ["one"]);
  const { lines } = following.context;
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /level=warn msg="Cannot read the log of Pi-hole" path=\S+ reason="No such file/);
});

Deno.test("followFile() does not open what is no regular file", async () => {
  await using following = new Following();
  Deno.mkdirSync(following.path);
  following.start();
  await until(() => following.context.lines.length > 0);
  assert.match(following.context.lines[0]!, /is no regular file/);
});
