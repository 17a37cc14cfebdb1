import type { Vocabulary } from "../../core/vocabulary.ts";
import {
  type ConntrackEntry,
  REPLY_BYTES,
  REPLY_PACKETS,
  SENT_BYTES,
  SENT_PACKETS,
} from "../../parsers/conntrack_entry.ts";
import type { SocketEntry } from "../../parsers/socket_entry.ts";

/** An entry with these addresses as text, so that vocabulary numbers do not show. */
type Read<Entry, Address extends keyof Entry> =
  & Readonly<Omit<Entry, Address | "clear">>
  & Readonly<Record<Address, string>>;

export type ReadSocket = Read<SocketEntry, "source" | "destination">;

/** Each counter by its name. */
export type ReadConnection =
  & Omit<
    Read<ConntrackEntry, "source" | "destination" | "replySource" | "replyDestination">,
    "counters"
  >
  & Readonly<Record<"sentPackets" | "sentBytes" | "replyPackets" | "replyBytes", number>>;

export function shownConnection(
  { counters, ...entry }: ConntrackEntry,
  vocabulary: Vocabulary,
): ReadConnection {
  const text = (address: number) => Number.isNaN(address) ? "" : String(vocabulary.ipOf(address));
  return {
    ...entry,
    source: text(entry.source),
    destination: text(entry.destination),
    replySource: text(entry.replySource),
    replyDestination: text(entry.replyDestination),
    sentPackets: counters[SENT_PACKETS]!,
    sentBytes: counters[SENT_BYTES]!,
    replyPackets: counters[REPLY_PACKETS]!,
    replyBytes: counters[REPLY_BYTES]!,
  };
}
