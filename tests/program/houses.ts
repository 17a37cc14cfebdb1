import assert from "node:assert/strict";
import { type Collector, collector, type Context, ProbeError, type Source } from "../../core/collector.ts";
import { Log } from "../../core/log.ts";
import { type Literal, nodeOf, Problems } from "../../core/node.ts";
import { recordType } from "../../core/record.ts";
import { list, number, setting, text } from "../../core/shape.ts";
import { makePlan, type Plan } from "../../program/plan.ts";

const HOUSE = { type: "text", help: "Name of the house" } as const;

export const ROOMS = recordType({
  name: "rooms",
  kind: "snapshot",
  help: "Rooms of houses.",
  fields: {
    house: HOUSE,
    room: { type: "text", help: "Its name" },
    seats: { type: "number", help: "How many sit there" },
  },
});

export const RINGS = recordType({
  name: "rings",
  kind: "stream",
  help: "Rings at the doors of houses.",
  fields: { house: HOUSE, door: { type: "text", help: "Which door" } },
});

export const STATES = recordType({
  name: "states",
  kind: "snapshot",
  isStatus: true,
  help: "Houses themselves.",
  fields: { house: HOUSE, open: { type: "number", help: "Whether it can be entered" } },
});

const SETTINGS = {
  houses: setting(list(text), [] as string[], { help: "Which" }),
  windows: setting(number(), 4, { help: "How many each has" }),
};

/** One of them, as the test has it. */
export class House {
  rooms: readonly string[] = ["hall"];
  error: Error | undefined;
  /** What a pass waits for. */
  gate: Promise<unknown> = Promise.resolve();
  passes = 0;
  opened = 0;
  closed = 0;
  settings: unknown;
}

interface HousesOptions {
  /** Seconds between the passes of a house. */
  readonly intervals?: Readonly<Record<string, number>>;
  /** Nobody may ask about a house. */
  readonly isClosed?: boolean;
}

/** A collector whose targets are houses: in each pass one has its rooms, a ring at the door, and whether it is open. */
export class Houses {
  readonly logged: string[] = [];
  readonly collector: Collector;
  readonly #houses = new Map<string, House>();

  constructor({ intervals = {}, isClosed = false }: HousesOptions = {}) {
    this.collector = collector<typeof SETTINGS>({
      name: "houses",
      help: "Houses",
      enabled: true,
      schedule: "interval",
      privileges: [],
      records: [ROOMS, RINGS, STATES],
      rules: [
        { name: "house_rooms", source: "rooms", labels: ["room"] },
        { name: "house_rings_total", source: "rings" },
        { name: "house_open", source: "states", value: "open" },
      ],
      settings: SETTINGS,
      reasons: ["dark"],
      checks: ["clean"],
      check: ({ windows }) => windows < 0 ? "A house has no fewer than no windows" : undefined,
      targets: {
        field: "house",
        of: ({ houses, ...rest }) =>
          houses.map((name) => ({
            name,
            interval: intervals[name] ?? 3600,
            settings: { ...rest, houses: [name] },
          })),
        ...!isClosed && {
          probe: (query, { windows }) => {
            const name = query.get("target");
            if (name === null) return Promise.reject(new ProbeError(400, "Which house?"));
            if (name.startsWith("secret")) return Promise.reject(new ProbeError(403, "Not this one"));
            return Promise.resolve({ name, interval: 1, settings: { windows, houses: [name] } });
          },
        },
      },
      open: (settings, context) => this.#open(settings, context),
    });
  }

  of(name: string): House {
    let house = this.#houses.get(name);
    if (house === undefined) this.#houses.set(name, house = new House());
    return house;
  }

  /** What a configuration comes to, whose log is kept here. */
  planOf(configured: Literal): Plan {
    const problems = new Problems();
    const plan = makePlan({ configured: nodeOf(configured), collectors: [this.collector] }, problems);
    assert.deepEqual(problems.lines(), []);
    const write = (line: string) => this.logged.push(line.replace(/^ts=\S+ /, "").trimEnd());
    return { ...plan!, log: new Log({ level: "info", format: "logfmt", write }) };
  }

  #open(settings: { readonly houses: readonly string[] }, context: Context): Source {
    const [name] = settings.houses, house = this.of(name!), { vocabulary } = context;
    house.opened++;
    house.settings = settings;
    const emit = (type: typeof ROOMS | typeof RINGS | typeof STATES, values: readonly number[]) => {
      const sink = context.sink(type);
      sink.row.set([vocabulary.text(name!), ...values]);
      sink.emit();
    };
    return {
      async *snapshot() {
        house.passes++;
        await house.gate;
        emit(STATES, [1]);
        emit(RINGS, [vocabulary.text("front")]);
        for (const room of house.rooms) {
          emit(ROOMS, [vocabulary.text(room), 2]);
          yield;
        }
        context.quality("clean", house.rooms.length > 1);
        if (house.error) throw house.error;
      },
      *failed() {
        emit(STATES, [0]);
        yield;
      },
      close: () => house.closed++,
    };
  }
}
