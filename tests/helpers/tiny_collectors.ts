import { collector, type Source } from "../../core/collector.ts";
import { recordType } from "../../core/record.ts";
import { number, setting } from "../../core/shape.ts";

const SEATS = recordType({
  name: "seats",
  kind: "snapshot",
  help: "Seats of a room.",
  fields: {
    address: { type: "ip", help: "Who sits there" },
    port: { type: "number", max: 65535, help: "Row" },
    taken: { type: "choice", choices: ["no", "yes"], help: "Whether somebody sits there" },
  },
});

/** A snapshot collector: `count` seats, every third of them taken. */
export const room = collector({
  name: "room",
  help: "The seats of a room",
  enabled: true,
  schedule: "scrape",
  privileges: [],
  records: [SEATS],
  rules: [{ name: "room_seats", help: "Seats.", source: "seats", labels: ["taken"] }],
  settings: { seats: setting(number({ min: 0 }), 6, { help: "How many seats there are" }) },
  reasons: ["broken"],
  open({ seats }, context): Source {
    const sink = context.sink(SEATS), { at } = SEATS;
    return {
      *snapshot() {
        if (seats === 13) throw new Error("Nobody sits there");
        if (seats === 7) context.problem("broken");
        for (let i = 0; i < seats; i++) {
          sink.row[at.address] = 0x0a000000 + i;
          sink.row[at.port] = 440 + (i % 10);
          sink.row[at.taken] = i % 3 === 0 ? 1 : 0;
          sink.emit();
          yield;
        }
      },
    };
  },
});

const RINGS = recordType({
  name: "rings",
  kind: "stream",
  help: "Rings at a door.",
  fields: {
    door: { type: "text", help: "Which door" },
    seconds: { type: "number", help: "How long" },
  },
});

/** A stream collector: rings a few times at the start, and then waits. */
export const bell = collector({
  name: "bell",
  help: "The rings at the doors",
  enabled: true,
  schedule: "scrape",
  privileges: [],
  records: [RINGS],
  rules: [{ name: "bell_rings_total", help: "Rings.", source: "rings", labels: ["door"] }],
  settings: { rings: setting(number({ min: 0 }), 3, { help: "How often it rings" }) },
  reasons: [],
  open({ rings }, { sink: sinkOf, vocabulary }): Source {
    const sink = sinkOf(RINGS), { at } = RINGS;
    return {
      async *stream(signal) {
        for (let i = 0; i < rings; i++) {
          sink.row[at.door] = vocabulary.text(`door ${i % 2}`);
          sink.row[at.seconds] = 0.5;
          sink.emit();
          yield;
        }
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
    };
  },
});
