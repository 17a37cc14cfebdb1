import type { Vocabulary } from "../../core/vocabulary.ts";
import type { ConntrackEntry } from "../../parsers/conntrack_entry.ts";
import type { SocketEntry } from "../../parsers/socket_entry.ts";

/** An entry with these addresses as text, so that vocabulary numbers do not show. */
type Read<Entry, Address extends keyof Entry> =
  & Readonly<Omit<Entry, Address | "clear">>
  & Readonly<Record<Address, string>>;

export type ReadSocket = Read<SocketEntry, "source" | "destination">;

export type ReadConnection = Read<
  ConntrackEntry,
  "source" | "destination" | "replySource" | "replyDestination"
>;

export function shownConnection(entry: ConntrackEntry, vocabulary: Vocabulary): ReadConnection {
  const text = (address: number) => Number.isNaN(address) ? "" : String(vocabulary.ipOf(address));
  return {
    ...entry,
    source: text(entry.source),
    destination: text(entry.destination),
    replySource: text(entry.replySource),
    replyDestination: text(entry.replyDestination),
  };
}
