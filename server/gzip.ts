import { createGzip } from "node:zlib";

/** Less effort than the usual level 6: a fifth of the time, for three fifths more bytes. */
const LEVEL = 1;
const CHUNK = 65_536;

/** Compresses a stream; that of the platform lets nobody choose the level. */
export function gzip(): TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  const zip = createGzip({ level: LEVEL, chunkSize: CHUNK });
  return new TransformStream({
    start: (controller) => void zip.on("data", (bytes) => controller.enqueue(new Uint8Array(bytes))),
    transform: (bytes) =>
      new Promise((resolve, reject) => void zip.write(bytes, (error) => error ? reject(error) : resolve())),
    flush: () => new Promise((resolve) => void zip.once("end", resolve).end()),
    cancel: () => void zip.destroy(),
  });
}
