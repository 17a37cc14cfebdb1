import assert from "node:assert/strict";
import { ANSWERED, Connections, UNANSWERED, WITHOUT_DATA } from "../../../collectors/wialon/connections.ts";
import { Ip } from "../../../core/ip.ts";
import { TCP, UDP } from "../../../parsers/conntrack_entry.ts";
import { Packet } from "../../../parsers/packet.ts";
import { property, type Random } from "../../helpers/random.ts";

const QUEUES = [WITHOUT_DATA, UNANSWERED, ANSWERED];
const MANY = 1_000_000;

interface End {
  readonly address: string;
  readonly port: number;
}

/** A packet of which no more is looked at than who has sent it to whom. */
function packetOf(source: End, destination: End, protocol = TCP): Packet {
  const packet = new Packet();
  for (const [i, { address }] of [source, destination].entries()) {
    const ip = Ip.parse(address)!;
    const bytes = ip.version === 6 ? ip.bytes : [...new Uint8Array(10), 255, 255, ...ip.bytes];
    const view = new DataView(Uint8Array.from(bytes).buffer);
    for (let word = 0; word < 4; word++) packet.words[4 * i + word] = view.getInt32(4 * word);
  }
  packet.sourcePort = source.port;
  packet.destinationPort = destination.port;
  packet.protocol = protocol;
  return packet;
}

/** One of a million connections. */
function numbered(i: number): Packet {
  return packetOf({ address: `10.0.${i >> 8 & 255}.${i & 255}`, port: i >> 16 }, {
    address: "192.0.2.1",
    port: 20332,
  });
}

function add(connections: Connections, packet: Packet, time = 0): number {
  assert.equal(connections.find(packet), -1);
  return connections.add(packet, time);
}

/** Addresses and ports that have much in common. */
const ADDRESSES = ["0.0.0.0", "10.0.0.1", "10.0.0.2", "200.0.0.1", "255.255.255.255", "::1", "::10.0.0.1"]
  .concat(["::fffe:10.0.0.1", "2001:db8::1", "2001:db8::2", "2001:db9::1", "8000::1", "ffff::"]);
const PORTS = [0, 1, 20332, 20333, 32768, 65535];

function randomEnd(random: Random): End {
  return { address: random.pick(ADDRESSES), port: random.pick(PORTS) };
}

/** A connection, as the test itself remembers it. */
interface Known {
  readonly at: number;
  readonly source: End;
  readonly destination: End;
  queue: number;
  touched: number;
}

/** Connections, and the same in a Map and in lists. */
class Compared {
  readonly connections: Connections;
  readonly known = new Map<string, Known>();
  readonly queues: Known[][] = QUEUES.map(() => []);
  #second = 0;

  constructor(readonly random: Random, limit: number) {
    this.connections = new Connections(limit);
  }

  step(): void {
    const { connections, random, known } = this;
    const source = randomEnd(random), destination = randomEnd(random), protocol = random.pick([TCP, UDP]);
    const packet = packetOf(source, destination, protocol), key = keyOf(source, destination, protocol);
    const found = known.get(key), at = connections.find(packet);
    this.#second += random.int(3);
    assert.equal(at, found?.at ?? -1, key);
    if (found !== undefined) {
      this.#compareEnds(at, source, destination, protocol);
      const action = random.int(4);
      if (action === 0) this.#remove(key, found);
      else if (action < 3) this.#touch(found, random.pick(QUEUES));
    } else if (connections.size < connections.limit) {
      const known: Known = {
        at: connections.add(packet, this.#second),
        source,
        destination,
        queue: WITHOUT_DATA,
        touched: this.#second,
      };
      assert(!this.known.values().some((other) => other.at === known.at), "A place is given twice");
      this.known.set(key, known);
      this.queues[WITHOUT_DATA]!.push(known);
    }
    assert.equal(connections.size, known.size);
    this.#compareQueues();
  }

  /** Removes all, in the order of the queues. */
  end(): void {
    for (const queue of QUEUES) {
      for (const { at } of this.queues[queue]!.splice(0)) {
        assert.deepEqual([this.connections.oldest(), this.connections.oldestOf(queue)], [at, at]);
        this.connections.remove(at);
      }
    }
    assert.deepEqual([this.connections.oldest(), this.connections.size], [-1, 0]);
  }

  #touch(known: Known, queue: number): void {
    const { connections } = this;
    connections.touch(known.at, queue, this.#second + 0.5);
    if (known.touched === this.#second && known.queue === queue) return;
    this.#unlink(known);
    known.queue = queue;
    known.touched = this.#second;
    this.queues[queue]!.push(known);
  }

  #remove(key: string, known: Known): void {
    this.connections.remove(known.at);
    this.#unlink(known);
    this.known.delete(key);
  }

  #unlink(known: Known): void {
    const queue = this.queues[known.queue]!;
    queue.splice(queue.indexOf(known), 1);
  }

  #compareEnds(at: number, source: End, destination: End, protocol: number): void {
    const { connections } = this, { direction, words } = connections;
    const packet = packetOf(source, destination);
    for (const [way, port, from] of [[direction, source.port, 0], [1 - direction, destination.port, 4]]) {
      assert.equal(connections.portOf(at, way!), port);
      const start = connections.sourceOf(at, way!);
      assert.deepEqual(words.subarray(start, start + 4), packet.words.subarray(from, from! + 4));
    }
    assert.equal(connections.protocolOf(at), protocol);
  }

  #compareQueues(): void {
    const { connections } = this;
    for (const queue of QUEUES) {
      const [oldest] = this.queues[queue]!;
      assert.equal(connections.oldestOf(queue), oldest?.at ?? -1);
      assert.equal(connections.sizeOf(queue), this.queues[queue]!.length);
      if (oldest !== undefined) {
        assert.equal(connections.queueOf(oldest.at), queue);
        assert.equal(connections.idleFor(oldest.at, this.#second + 0.9), this.#second - oldest.touched);
      }
    }
  }
}

function keyOf(source: End, destination: End, protocol: number): string {
  const ends = [source, destination].map(({ address, port }) => `${address} ${port}`);
  return [...ends.sort(), protocol].join(" ");
}

property("Connections agree with a Map when they are found, added, touched and removed", (random) => {
  const compared = new Compared(random, MANY);
  for (let i = 0; i < 20_000; i++) compared.step();
  compared.end();
});

property("Connections agree with a Map at their limit", (random) => {
  for (const limit of [1, 7, 64, 65, 300]) {
    const compared = new Compared(random, limit);
    for (let i = 0; i < 4000; i++) compared.step();
    assert(compared.connections.size <= limit);
    compared.end();
  }
});

const PAIRS: readonly { what: string; a: End; b: End }[] = [
  { what: "IPv4", a: { address: "10.0.0.1", port: 1000 }, b: { address: "10.0.0.2", port: 20332 } },
  { what: "IPv4 with high bits", a: { address: "250.0.0.1", port: 9 }, b: { address: "10.0.0.2", port: 9 } },
  { what: "IPv6", a: { address: "2001:db8::1", port: 65535 }, b: { address: "2001:db8::2", port: 1 } },
  { what: "one address", a: { address: "127.0.0.1", port: 40000 }, b: { address: "127.0.0.1", port: 20332 } },
];

for (const { what, a, b } of PAIRS) {
  Deno.test(`find() takes both directions for the same connection when it is of ${what}`, () => {
    const connections = new Connections(MANY), at = add(connections, packetOf(a, b));
    const { direction } = connections;
    assert.equal(connections.find(packetOf(b, a)), at);
    assert.equal(connections.direction, 1 - direction);
    assert.equal(connections.find(packetOf(a, b)), at);
    assert.equal(connections.direction, direction);
    assert.equal(connections.find(packetOf(a, b, UDP)), -1);
  });
}

Deno.test("find() takes a connection of an end with itself for one with one direction", () => {
  const connections = new Connections(MANY), end = { address: "127.0.0.1", port: 20332 };
  const at = add(connections, packetOf(end, end));
  assert.deepEqual([connections.find(packetOf(end, end)), connections.direction], [at, 0]);
});

// They grow at 64, are doubled to 16,384, and then are sixteen times as many.
for (const count of [64, 65, 16_384, 16_385, 40_000]) {
  Deno.test(`${count} connections keep their places and words when there are more`, () => {
    const connections = new Connections(MANY), places: number[] = [];
    for (let i = 0; i < count; i++) {
      places.push(add(connections, numbered(i)));
      connections.words[connections.streamOf(places[i]!, 1)] = i;
      connections.numbers[connections.streamOf(places[i]!, 0) / 2] = -i;
    }
    assert.deepEqual([...connections.places()], places);
    for (const [i, at] of places.entries()) {
      if (connections.find(numbered(i)) !== at) assert.fail(`${i} is not found`);
      const words = [connections.words[connections.streamOf(at, 1)]];
      words.push(connections.numbers[connections.streamOf(at, 0) / 2]);
      if (words[0] !== i || words[1] !== -i) assert.fail(`${i} has ${words}`);
    }
  });
}

Deno.test("add() uses the places again that have become free, and leaves nothing there", () => {
  const connections = new Connections(MANY);
  const places = Array.from({ length: 100 }, (_, i) => add(connections, numbered(i)));
  connections.words.fill(-1, connections.streamOf(places[40]!, 0), places[41]!);
  for (let i = 20; i < 60; i++) connections.remove(places[i]!);
  const again = Array.from({ length: 40 }, (_, i) => add(connections, numbered(1000 + i)));
  assert.deepEqual(again.toSorted((a, b) => a - b), places.slice(20, 60));
  const words = connections.words.subarray(connections.streamOf(places[40]!, 0), places[41]!);
  assert(words.every((word) => word === 0));
  assert.equal([...connections.places()].length, 100);
});

Deno.test("The limit of connections is not above what their table can tell apart", () => {
  assert.equal(new Connections(2 ** 31).limit, 2 ** 24 - 2);
});

Deno.test("touch() puts a connection behind the others once in a second", () => {
  const connections = new Connections(MANY);
  const [a = 0, b = 0] = [numbered(1), numbered(2)].map((packet) => add(connections, packet, 100.25));
  connections.touch(a, WITHOUT_DATA, 100.75);
  assert.equal(connections.oldestOf(WITHOUT_DATA), a);
  connections.touch(a, WITHOUT_DATA, 101);
  assert.equal(connections.oldestOf(WITHOUT_DATA), b);
});

Deno.test("touch() moves a connection to another queue within the same second", () => {
  const connections = new Connections(MANY), at = add(connections, numbered(1), 100);
  connections.touch(at, ANSWERED, 100);
  assert.deepEqual(QUEUES.map((queue) => connections.oldestOf(queue)), [-1, -1, at]);
  assert.deepEqual(QUEUES.map((queue) => connections.sizeOf(queue)), [0, 0, 1]);
});

const TIMES = [
  { what: "in the second in which it was touched", touched: 1e9 + 0.9, now: 1e9 + 0.95, idle: 0 },
  { what: "later", touched: 1e9 + 0.5, now: 1e9 + 60.4, idle: 60 },
  { what: "when the clock was set back", touched: 1e9, now: 1e9 - 3600, idle: 3600 },
  { what: "when seconds no longer fit into 31 bits", touched: 2 ** 31 - 1.5, now: 2 ** 31 + 5.25, idle: 7 },
  { what: "when they are more", touched: 2 ** 31 + 1, now: 2 ** 31 + 9, idle: 8 },
];

for (const { what, touched, now, idle } of TIMES) {
  Deno.test(`idleFor() gives whole seconds ${what}`, () => {
    const connections = new Connections(MANY), at = add(connections, numbered(1), touched);
    assert.equal(connections.idleFor(at, now), idle);
    connections.touch(at, ANSWERED, now);
    connections.touch(at, ANSWERED, touched);
    assert.equal(connections.idleFor(at, now), idle);
  });
}

Deno.test("oldest() gives those of the first queue that has any, in their order", () => {
  const connections = new Connections(MANY);
  const places = Array.from({ length: 6 }, (_, i) => add(connections, numbered(i), i));
  for (const [i, queue] of [ANSWERED, WITHOUT_DATA, UNANSWERED, ANSWERED, UNANSWERED].entries()) {
    connections.touch(places[i]!, queue, 10 + i);
  }
  const order: number[] = [];
  for (let at = connections.oldest(); at >= 0; at = connections.oldest()) {
    order.push(places.indexOf(at));
    connections.remove(at);
  }
  assert.deepEqual(order, [5, 1, 2, 4, 0, 3]);
});

Deno.test("renew() forgets all of a connection but its ends, its server and its place in a queue", () => {
  const connections = new Connections(MANY), packet = numbered(7);
  const at = add(connections, packet, 100), next = add(connections, numbered(8), 100);
  connections.touch(at, ANSWERED, 101);
  const before = connections.words.slice(at, next);
  connections.words.fill(5, connections.streamOf(at, 0), next);
  connections.renew(at);
  assert.deepEqual(connections.words.slice(at, next), before);
  assert.equal(connections.find(packet), at);
  assert.equal(connections.oldestOf(ANSWERED), at);
});
