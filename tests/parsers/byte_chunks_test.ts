import assert from "node:assert/strict";
import { ByteChunks, QUEUE_WORDS } from "../../parsers/byte_chunks.ts";
import { property, Random } from "../helpers/random.ts";

/** Bytes of a chunk: what is given to a queue is a whole number of them. */
const SIZE = 128;

/** Queues, and what was appended to each. */
class Queues {
  readonly words: Int32Array;
  readonly #chunks: ByteChunks;
  readonly #expected: number[][];
  readonly #limit: number;

  constructor(count: number, limit: number) {
    this.words = new Int32Array(count * QUEUE_WORDS);
    this.#chunks = new ByteChunks(limit);
    this.#expected = Array.from({ length: count }, () => []);
    this.#limit = Math.ceil(limit / SIZE);
  }

  get used(): number {
    return this.#expected.reduce((sum, { length }) => sum + Math.ceil(length / SIZE), 0);
  }

  /** Appends what stands among other bytes; gives whether there was room. */
  append(queue: number, bytes: Uint8Array): boolean {
    const expected = this.#expected[queue]!, before = Math.ceil(expected.length / SIZE);
    const isRoom = this.used - before + Math.ceil((expected.length + bytes.length) / SIZE) <= this.#limit;
    const around = new Uint8Array(bytes.length + 7).fill(0xa5);
    around.set(bytes, 3);
    const part = { bytes: around, from: 3, to: 3 + bytes.length };
    assert.equal(this.#chunks.append(this.words, queue * QUEUE_WORDS, part), isRoom);
    if (isRoom) expected.push(...bytes);
    return isRoom;
  }

  clear(queue: number): void {
    this.#chunks.clear(this.words, queue * QUEUE_WORDS);
    this.#expected[queue] = [];
    const at = queue * QUEUE_WORDS;
    assert.deepEqual([...this.words.subarray(at, at + QUEUE_WORDS)], [0, 0, 0]);
  }

  check(queue: number): void {
    const expected = this.#expected[queue]!, out = new Uint8Array(expected.length + 5).fill(0x5a);
    assert.equal(this.#chunks.copy(this.words, queue * QUEUE_WORDS, out), expected.length);
    assert.deepEqual(out, Uint8Array.of(...expected, 0x5a, 0x5a, 0x5a, 0x5a, 0x5a));
  }

  checkAll(): void {
    for (let queue = 0; queue < this.#expected.length; queue++) this.check(queue);
  }
}

Deno.test("copy() writes what append() has added, on both sides of where a chunk ends", () => {
  const random = new Random(1), sizes = [0, 1, 127, 128, 129, 255, 256, 257, 1000];
  for (const first of sizes) {
    for (const second of sizes) {
      const queues = new Queues(1, 10_000);
      for (const size of [first, second, 1]) {
        queues.append(0, random.bytes(size));
        queues.check(0);
      }
    }
  }
});

Deno.test("append() adds to one queue what others do not see", () => {
  const random = new Random(2), queues = new Queues(3, 100_000);
  for (let i = 0; i < 60; i++) queues.append(i % 3, random.bytes(50 * (i % 3)));
  queues.checkAll();
});

Deno.test("append() leaves the queue as it is when there is no room", () => {
  const random = new Random(3), queues = new Queues(2, 1000);
  assert(queues.append(0, random.bytes(500)));
  assert(queues.append(1, random.bytes(200)));
  assert(!queues.append(0, random.bytes(512)));
  queues.checkAll();
  assert(queues.append(0, random.bytes(12 + 2 * SIZE)));
  assert(!queues.append(1, random.bytes(57)));
  assert(queues.append(1, random.bytes(56)));
  assert(!queues.append(1, random.bytes(1)));
  assert(queues.append(1, new Uint8Array()));
  queues.checkAll();
});

Deno.test("clear() gives back all the room, again and again", () => {
  const random = new Random(4), queues = new Queues(4, 100 * SIZE);
  for (let i = 0; i < 50; i++) {
    for (let queue = 0; queue < 4; queue++) assert(queues.append(queue, random.bytes(25 * SIZE)));
    assert(!queues.append(i % 4, random.bytes(1)));
    queues.checkAll();
    for (let queue = 0; queue < 4; queue++) queues.clear((queue + i) % 4);
  }
});

Deno.test("clear() changes nothing of a queue without bytes", () => {
  const queues = new Queues(1, 1000);
  for (let i = 0; i < 3; i++) queues.clear(0);
  assert(queues.append(0, new Uint8Array(1024)));
});

Deno.test("append() takes nothing when there shall be no room", () => {
  const queues = new Queues(1, 0);
  assert(!queues.append(0, Uint8Array.of(1)));
  assert(queues.append(0, new Uint8Array()));
});

Deno.test("copy() writes the same after the memory has grown", () => {
  const random = new Random(5), queues = new Queues(5, 10_000_000);
  for (let i = 0; i < 15; i++) queues.append(i % 5, random.bytes(random.int(20_000)));
  assert(queues.used > 64);
  queues.checkAll();
});

property(
  "a queue holds what was appended since it was cleared, and no more than there is room for",
  (random) => {
    for (const [count, limit] of [[1, 300], [3, 2000], [20, 5000], [50, 10_000]] as const) {
      const queues = new Queues(count, limit);
      let refused = 0;
      for (let i = 0; i < 4000; i++) {
        const queue = random.int(count);
        if (random.int(4) === 0) queues.clear(queue);
        else if (!queues.append(queue, random.bytes(random.int(random.pick([4, 130, 600]))))) refused++;
        queues.check(random.int(count));
      }
      queues.checkAll();
      assert(refused > 10, `${refused} of ${limit} bytes`);
    }
  },
);
