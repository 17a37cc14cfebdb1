/** What one CPU has counted, by the names of the kernel. `entries` is that of the whole table, the same in each. */
type ConntrackStats = Readonly<Record<string, number>>;

export interface ParsedConntrackStats {
  readonly cpus: readonly ConntrackStats[];
  /** Rows that cannot be read. */
  readonly malformed: number;
}

/**
 * Parses /proc/net/stat/nf_conntrack (ct_cpu_seq_show in net/netfilter/nf_conntrack_standalone.c): the names of the
 * columns, which differ between kernels, and for each CPU a row of hexadecimal numbers.
 */
export function parseConntrackStats(text: string): ParsedConntrackStats {
  const [head = [], ...rows] = text.split("\n").map(wordsOf).filter(({ length }) => length > 0);
  const cpus: ConntrackStats[] = [];
  for (const row of rows) {
    if (row.length !== head.length || !row.every(isHexadecimal)) continue;
    cpus.push(Object.fromEntries(head.map((name, column) => [name, parseInt(row[column]!, 16)])));
  }
  return { cpus, malformed: rows.length - cpus.length };
}

function wordsOf(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== "");
}

function isHexadecimal(word: string): boolean {
  return /^[0-9a-f]{1,8}$/i.test(word);
}
