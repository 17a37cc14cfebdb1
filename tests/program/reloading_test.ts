import assert from "node:assert/strict";
import { nodeOf, Problems } from "../../core/node.ts";
import { Collecting } from "../../program/collecting.ts";
import { makePlan } from "../../program/plan.ts";
import { Reloading } from "../../program/reloading.ts";

Deno.test("reload() reads once more for all who ask while it reads", async () => {
  const plan = makePlan({ configured: nodeOf({}), collectors: [] }, new Problems())!;
  const collecting = new Collecting(plan), asked = Promise.withResolvers<void>();
  let reads = 0;
  const load = async () => {
    reads++;
    await asked.promise;
    return plan;
  };
  const reloading = new Reloading(plan, { load, collecting, guard: () => Promise.resolve(false) });
  const first = reloading.reload();
  while (reads === 0) await Promise.resolve();
  const others = Array.from({ length: 5 }, () => reloading.reload());
  asked.resolve();
  for (const reloaded of await Promise.all([first, ...others])) assert.equal(reloaded.isGood, true);
  assert.equal(reads, 2);
  await collecting.stop();
});
