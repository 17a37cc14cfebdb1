import assert from "node:assert/strict";
import { LineFile } from "../../collectors/line_file.ts";
import { property } from "../helpers/random.ts";

/** The size of the buffer at its beginning. */
const BUFFER = 65_536;

function blocksOf(content: string | Uint8Array, file = new LineFile()): string[] {
  const path = Deno.makeTempFileSync();
  try {
    if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, content);
    const blocks: string[] = [];
    for (const _ of file.read(path)) blocks.push(new TextDecoder().decode(file.bytes.subarray(0, file.end)));
    return blocks;
  } finally {
    Deno.removeSync(path);
  }
}

/** So many lines of a hundred bytes. */
function lines(count: number): string {
  return Array.from({ length: count }, (_, i) => `${String(i).padEnd(99, ".")}\n`).join("");
}

Deno.test("read() gives a small file in one block", () => {
  assert.deepEqual(blocksOf("one\ntwo\n"), ["one\ntwo\n"]);
});

Deno.test("read() gives nothing of an empty file", () => {
  assert.deepEqual(blocksOf(""), []);
});

Deno.test("read() gives a last line without its end in a block of its own", () => {
  assert.deepEqual(blocksOf("one\ntwo"), ["one\n", "two"]);
});

Deno.test("read() gives a file without any end of a line", () => {
  assert.deepEqual(blocksOf("one"), ["one"]);
});

Deno.test("read() gives a file of a single end of a line", () => {
  assert.deepEqual(blocksOf("\n"), ["\n"]);
});

for (const count of [655, 656, 2000]) {
  Deno.test(`read() gives ${count} lines whole, in blocks that end where lines end`, () => {
    const content = lines(count), blocks = blocksOf(content);
    assert.equal(blocks.join(""), content);
    for (const block of blocks) assert(block.endsWith("\n"));
  });
}

Deno.test("read() gives several blocks of a file that is longer than the buffer", () => {
  assert(blocksOf(lines(2000)).length > 1);
});

for (const length of [BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER]) {
  Deno.test(`read() gives a line of ${length} bytes whole`, () => {
    const line = "x".repeat(length - 1) + "\n";
    assert.equal(blocksOf(line).join(""), line);
  });

  Deno.test(`read() gives a line of ${length} bytes whole when others stand around it`, () => {
    const content = `first\n${"x".repeat(length - 1)}\nlast\n`, blocks = blocksOf(content);
    assert.equal(blocks.join(""), content);
    for (const block of blocks) assert(block.endsWith("\n"));
  });

  Deno.test(`read() gives a last line of ${length} bytes without its end`, () => {
    const content = `first\n${"x".repeat(length)}`;
    assert.equal(blocksOf(content).join(""), content);
  });
}

Deno.test("read() reads one file after another", () => {
  const file = new LineFile();
  assert.deepEqual(blocksOf("a long line\nthe rest", file), ["a long line\n", "the rest"]);
  assert.deepEqual(blocksOf("b\n", file), ["b\n"]);
});

Deno.test("read() reads a file from its beginning after another was given up", () => {
  const file = new LineFile();
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, lines(2000));
  for (const _ of file.read(path)) break;
  Deno.removeSync(path);
  assert.deepEqual(blocksOf("b\n", file), ["b\n"]);
});

Deno.test("read() closes the file when it is given up", () => {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, lines(2000));
  for (const _ of new LineFile().read(path)) break;
  const open = [...Deno.readDirSync("/proc/self/fd")].map(({ name }) => linkOf(`/proc/self/fd/${name}`));
  Deno.removeSync(path);
  assert(!open.includes(path));
});

function linkOf(path: string): string | undefined {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return undefined;
  }
}

Deno.test("read() throws NotFound for a file that is not there", () => {
  assert.throws(() => [...new LineFile().read("/nonexistent/file")], Deno.errors.NotFound);
});

property("read() gives back every file, in blocks that end where lines end", (random) => {
  const file = new LineFile();
  for (let round = 0; round < 50; round++) {
    const bytes = random.bytes(random.pick([0, 1, 100, 70_000, 200_000]))
      .map((byte) => byte < random.pick([1, 2, 250]) ? 10 : 65 + byte % 26);
    const blocks = blocksOf(bytes, file);
    assert(blocks.join("") === new TextDecoder().decode(bytes));
    for (const block of blocks.slice(0, -1)) assert(block.endsWith("\n"));
  }
});

Deno.test("a line without end does not make the buffer grow without end", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, new Uint8Array(8 << 20).fill(120));
    const file = new LineFile();
    let length = 0;
    for (const _ of file.read(path)) length += file.end;
    assert.equal(length, 8 << 20);
    assert.ok(file.bytes.length <= 4 << 20);
  } finally {
    await Deno.remove(path);
  }
});
