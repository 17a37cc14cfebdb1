import assert from "node:assert/strict";
import { Budget } from "../../../enrich/reverse_dns/budget.ts";

Deno.test("Budget.take() allows the questions of a second, then as many as time goes by", () => {
  const budget = new Budget(10);
  const take = (now: number) => {
    let count = 0;
    while (budget.take(now)) count++;
    return count;
  };
  assert.deepEqual([0, 50, 100, 150, 300, 10_000].map(take), [10, 0, 1, 0, 2, 10]);
});
