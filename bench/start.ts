/** How soon does the binary answer its first scrape, and what does it hold when idle? `deno run -A bench/start.ts [BINARY]` */
import { memoryOf } from "./passes.ts";

const binary = Deno.args[0] ?? "dist/netcensus";
const RUNS = 5;
const PORT = 19_199;

async function firstScrape(): Promise<void> {
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${PORT}/metrics`);
      await response.text();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

for (let run = 0; run < RUNS; run++) {
  const start = performance.now();
  const args = [`--web.listen-address=127.0.0.1:${PORT}`];
  const process = new Deno.Command(binary, { args, stderr: "null" }).spawn();
  await firstScrape();
  const ms = Math.round(performance.now() - start);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  const { now, anonymous } = memoryOf(process.pid);
  process.kill("SIGTERM");
  await process.status;
  console.log({ firstScrapeMs: ms, rss: now.toFixed(1), anonymous: anonymous.toFixed(1) });
}
