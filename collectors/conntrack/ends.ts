import type { Context } from "../../core/collector.ts";
import { NetlinkEvents } from "../../native/netlink_events.ts";
import { ConntrackEntry } from "../../parsers/conntrack_entry.ts";
import { ConntrackReader } from "../../parsers/ctnetlink.ts";
import { NETLINK_NETFILTER } from "./connection_tables.ts";

/** NFNLGRP_CONNTRACK_DESTROY (include/uapi/linux/netfilter/nfnetlink_compat.h) */
const DESTROYED_GROUP = 3;
/** So many bytes of ends that were not yet taken the kernel keeps: some 25,000. */
const ROOM = 16 << 20;

/** Hears from the kernel of connections that have ended. */
export class Ends {
  readonly #entry = new ConntrackEntry();
  readonly #events = new NetlinkEvents(NETLINK_NETFILTER, DESTROYED_GROUP, ROOM);
  readonly #reader: ConntrackReader;
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
    this.#reader = new ConntrackReader(this.#events.messages, context.vocabulary);
  }

  /** Takes each connection that has ended until now. */
  *take(taken: (entry: ConntrackEntry) => void): Iterable<void> {
    const events = this.#events, reader = this.#reader, { messages } = events;
    for (const _ of events.receive()) {
      while (reader.next(this.#entry)) if (reader.isDestroyed) taken(this.#entry);
      if (messages.truncated > 0) this.#context.problem("truncated", { count: messages.truncated });
      yield;
    }
    if (events.losses > 0) this.#context.problem("events_lost", { count: events.losses });
    if (reader.malformed > 0) this.#context.problem("malformed", { count: reader.malformed });
    events.losses = reader.malformed = 0;
  }

  close(): void {
    this.#events.close();
  }
}
