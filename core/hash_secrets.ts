/**
 * So many odd numbers to hash with, others in each process: what comes by the network may be chosen, and nobody shall
 * know which values are neighbours.
 */
export function hashSecrets(count: number): Int32Array {
  return crypto.getRandomValues(new Int32Array(count)).map((secret) => secret | 1);
}
