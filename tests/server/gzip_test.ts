import assert from "node:assert/strict";
import { gzip } from "../../server/gzip.ts";
import { Random } from "../helpers/random.ts";

const random = new Random(3);

for (
  const { what, chunks } of [
    { what: "nothing", chunks: [] },
    { what: "one chunk", chunks: [new TextEncoder().encode("a_total 1\n")] },
    {
      what: "chunks that cannot be made smaller",
      chunks: Array.from({ length: 40 }, () => Uint8Array.from({ length: 50_000 }, () => random.int(256))),
    },
  ]
) {
  Deno.test(`gzip() compresses ${what} so that it can be had again`, async () => {
    const compressed = ReadableStream.from(chunks).pipeThrough(gzip());
    const bytes = await new Response(compressed.pipeThrough(new DecompressionStream("gzip"))).bytes();
    assert.deepEqual(bytes, await new Blob(chunks).bytes());
  });
}

Deno.test("gzip() ends its source when nobody wants the rest", async () => {
  const cancelled = Promise.withResolvers<void>();
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
    cancel: () => cancelled.resolve(),
  });
  const reader = source.pipeThrough(gzip()).getReader();
  await reader.read();
  await reader.cancel();
  await cancelled.promise;
});
