import type { CollectorStatus } from "../core/status.ts";

/** Of a part of which nothing is known yet. */
export const UNKNOWN_STATUS: Omit<CollectorStatus, "name"> = {
  success: undefined,
  durationSeconds: 0,
  lastSuccessSeconds: 0,
  lastError: "",
  problems: new Map(),
  qualities: new Map(),
};

/** A copy: what a runner tells are no own properties. */
export function copyStatus(status: CollectorStatus): CollectorStatus {
  const { name, success, durationSeconds, lastSuccessSeconds, lastError, problems, qualities } = status;
  return { name, success, durationSeconds, lastSuccessSeconds, lastError, problems, qualities };
}

/** The worst of what all parts of a collector tell; undefined is a part that has told nothing yet. */
export function mergeStatus(
  name: string,
  parts: readonly (Omit<CollectorStatus, "name"> | undefined)[],
): CollectorStatus {
  const known = parts.filter((part) => part !== undefined), successes = parts.map((part) => part?.success);
  return {
    name,
    success: successes.includes(false) ? false : successes.includes(undefined) ? undefined : true,
    durationSeconds: Math.max(0, ...known.map(({ durationSeconds }) => durationSeconds)),
    lastSuccessSeconds: lastSuccessOf(parts.length, known),
    lastError: known.find(({ success }) => success === false)?.lastError ?? "",
    problems: sums(known.map(({ problems }) => problems)),
    qualities: new Map(
      known.flatMap(({ qualities }) => [...qualities.keys()])
        .map((check) => [check, known.every(({ qualities }) => qualities.get(check) !== false)]),
    ),
  };
}

/** Who has nothing to do succeeds all the time. */
function lastSuccessOf(parts: number, known: readonly Pick<CollectorStatus, "lastSuccessSeconds">[]): number {
  if (parts === 0) return Date.now() / 1000;
  return known.length === 0 ? 0 : Math.min(...known.map(({ lastSuccessSeconds }) => lastSuccessSeconds));
}

function sums(maps: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const map of maps) for (const [key, value] of map) sums.set(key, (sums.get(key) ?? 0) + value);
  return sums;
}
