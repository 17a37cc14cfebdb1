const DEADLINE_MS = 15_000;

/** Waits until a condition holds. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + DEADLINE_MS;
  while (!await condition()) {
    if (performance.now() > end) throw new Error(`Expected it in time: ${condition}`);
    await pause(50);
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
