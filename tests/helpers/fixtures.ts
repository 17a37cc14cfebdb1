import type { Random } from "./random.ts";

const FOLDER = new URL("../testdata/", import.meta.url);

export function fixture(path: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(new URL(path, FOLDER));
}

export function fixtureText(path: string): string {
  return Deno.readTextFileSync(new URL(path, FOLDER));
}

export function fixtureFolder(path: string): string {
  return new URL(path, FOLDER).pathname;
}

/** A copy in which a few bytes are others, and which may be cut short. */
export function mutated(bytes: Uint8Array, random: Random): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  for (let changes = 1 + random.int(8); changes > 0 && copy.length > 0; changes--) {
    copy[random.int(copy.length)] = random.pick([0, 1, 4, 15, 16, 127, 128, 255, random.int(256)]);
  }
  return random.int(4) === 0 ? copy.subarray(0, random.int(copy.length + 1)) : copy;
}
