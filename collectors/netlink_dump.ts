import type { NetlinkSocket } from "../native/netlink.ts";

/** What could not be read of a table of the kernel, by reason. */
export type Report = (reason: "truncated" | "malformed" | "dump_interrupted", count: number) => void;

/** Reads entries out of the messages of the socket that it was made for. */
export interface DumpReader<Entry> {
  /** Messages that are no entries. */
  malformed: number;
  /** Fills the entry with the next one in the buffer. */
  next(entry: Entry): boolean;
}

export interface DumpOptions<Entry> {
  readonly request: Uint8Array<ArrayBuffer>;
  readonly reader: DumpReader<Entry>;
  readonly entry: Entry;
  readonly report: Report;
  /** Done whenever entries were received, before the first of them is taken. */
  readonly before?: () => Iterable<void>;
}

/** Dumps a table: each entry, filled in before `take` is called. */
export function* dumpTable<Entry>(
  socket: NetlinkSocket,
  take: () => void,
  { request, reader, entry, report, before }: DumpOptions<Entry>,
): Iterable<void> {
  const { messages } = socket;
  for (const _ of socket.dump(request)) {
    if (before !== undefined) yield* before();
    while (reader.next(entry)) take();
    if (messages.truncated > 0) report("truncated", messages.truncated);
    if (reader.malformed > 0) report("malformed", reader.malformed);
    reader.malformed = 0;
    yield;
  }
  if (socket.interrupted) report("dump_interrupted", 1);
}
