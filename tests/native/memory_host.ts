/** Keeps its memory small, and prints what of it belonged to files before and after, and whether it goes on working. */
import { Log } from "../../core/log.ts";
import { keepMemorySmall } from "../../native/memory.ts";

/** KiB of the files that are mapped. */
function filesInMemory(): number {
  return Number(/^RssFile:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))![1]);
}

/** Something of much code: it compiles, parses, sorts, and allocates what is freed again. */
function work(): string {
  const lists = Array.from({ length: 50 }, (_, i) => new Float64Array(100_000).fill(i));
  const sum = new Function("lists", "return lists.reduce((sum, list) => sum + list[99999], 0)")(lists);
  const url = new URL("http://example.org/a?b=1");
  return JSON.stringify([sum, url.searchParams.get("b"), ["b", "a"].sort(), "ä".localeCompare("z", "de")]);
}

async function wait(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

const logged: string[] = [], expected = work(), before = filesInMemory();
keepMemorySmall(new Log({ level: "debug", format: "logfmt", write: (line) => logged.push(line) }));
let least = Infinity;
for (let i = 0; i < 100; i++) {
  await wait(10);
  least = Math.min(least, filesInMemory());
}
let isSame = true;
// Until after the C library was told again to give back what it does not use.
for (let i = 0; i < 30; i++) {
  isSame &&= work() === expected;
  await wait(50);
}
const worked = filesInMemory();
let again = Infinity;
for (let i = 0; i < 150; i++) {
  await wait(10);
  again = Math.min(again, filesInMemory());
}
console.log(JSON.stringify({ before, least, worked, again, isSame, logged }));
