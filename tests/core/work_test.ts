import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import { drive, inOnePiece, nextTurn, sleep, turnsWhenDue, type Work } from "../../core/work.ts";

/** Runs the body with a clock that only `pass()` moves. */
async function withFakeClock(body: (pass: (milliseconds: number) => void) => Promise<void>): Promise<void> {
  let now = 0;
  performance.now = () => now;
  try {
    await body((milliseconds) => now += milliseconds);
  } finally {
    // What is left is the method of the prototype.
    delete (performance as { now?: unknown }).now;
  }
}

/** Turns of the event loop at once. */
const TURNS = 61;

/** The number of turns that the event loop has while the action runs. */
async function turnsDuring(action: () => Promise<unknown>): Promise<number> {
  let turns = 0, pending = true;
  const turn = () => {
    if (!pending) return;
    turns++;
    setImmediate(turn);
  };
  setImmediate(turn);
  await action();
  pending = false;
  await nextTurn();
  return turns;
}

function* pieces(count: number, each: () => void = () => {}): Generator<void> {
  for (let i = 0; i < count; i++) {
    each();
    yield;
  }
}

async function* asyncPieces(count: number, each: () => void = () => {}): AsyncGenerator<void> {
  for (let i = 0; i < count; i++) {
    each();
    yield;
  }
}

Deno.test("nextTurn() lets run what already waits in the event loop", async () => {
  let ran = false;
  setImmediate(() => ran = true);
  await nextTurn();
  assert.equal(ran, true);
});

Deno.test("nextTurn() gives the event loop 61 turns", async () => {
  assert.equal(await turnsDuring(nextTurn), TURNS);
});

Deno.test("nextTurn() lets run what waits for several turns", async () => {
  let turns = 0;
  const turn = () => ++turns < 10 && setImmediate(turn);
  setImmediate(turn);
  await nextTurn();
  assert.equal(turns, 10);
});

for (const { kind, make } of [{ kind: "sync", make: pieces }, { kind: "async", make: asyncPieces }]) {
  Deno.test(`drive() runs every piece of ${kind} work`, async () => {
    let done = 0;
    await drive(make(1000, () => done++));
    assert.equal(done, 1000);
  });

  Deno.test(`drive() gives the event loop its turns every two milliseconds of ${kind} work`, async () => {
    await withFakeClock(async (pass) => {
      const turns = await turnsDuring(() => drive(make(100, () => pass(1))));
      assert.equal(turns, 50 * TURNS);
    });
  });

  Deno.test(`drive() gives the event loop its turns after every long piece of ${kind} work`, async () => {
    await withFakeClock(async (pass) => {
      const turns = await turnsDuring(() => drive(make(10, () => pass(50))));
      assert.equal(turns, 10 * TURNS);
    });
  });

  Deno.test(`drive() gives no turn within a slice of ${kind} work`, async () => {
    await withFakeClock(async () => {
      const turns = await turnsDuring(() => drive(make(1000)));
      assert.equal(turns, 0);
    });
  });

  Deno.test(`drive() calls between after every piece of ${kind} work`, async () => {
    const order: string[] = [];
    await drive(make(2, () => order.push("piece")), { between: () => order.push("between") });
    assert.deepEqual(order, ["piece", "between", "piece", "between"]);
  });

  Deno.test(`drive() stops ${kind} work when the signal is aborted`, async () => {
    const controller = new AbortController();
    let done = 0;
    const work = make(1000, () => {
      if (++done === 3) controller.abort();
    });
    await drive(work, { signal: controller.signal }).catch(() => {});
    assert.equal(done, 3);
  });

  Deno.test(`drive() throws the reason for which ${kind} work was aborted`, async () => {
    const controller = new AbortController(), reason = new Error("enough");
    const work = make(1000, () => controller.abort(reason));
    await assert.rejects(drive(work, { signal: controller.signal }), (error) => error === reason);
  });

  Deno.test(`drive() begins no ${kind} work when the signal is aborted before`, async () => {
    let done = 0;
    await drive(make(10, () => done++), { signal: AbortSignal.abort() }).catch(() => {});
    assert.equal(done, 0);
  });

  Deno.test(`drive() throws what ${kind} work throws`, async () => {
    const reason = new Error("broken");
    const work = make(10, () => {
      throw reason;
    });
    await assert.rejects(drive(work), (error) => error === reason);
  });

  Deno.test(`drive() throws what between throws during ${kind} work`, async () => {
    const reason = new Error("broken");
    const between = () => {
      throw reason;
    };
    await assert.rejects(drive(make(10), { between }), (error) => error === reason);
  });
}

/** Work that tells when it is closed, and whether that was waited for. */
function closing(kind: "sync" | "async", closed: () => void): Work {
  function* sync() {
    try {
      for (;;) yield;
    } finally {
      closed();
    }
  }
  async function* async() {
    try {
      for (;;) yield;
    } finally {
      await nextTurn();
      closed();
    }
  }
  return kind === "sync" ? sync() : async();
}

for (const kind of ["sync", "async"] as const) {
  Deno.test(`drive() closes ${kind} work when the signal is aborted`, async () => {
    const controller = new AbortController();
    let closed = false;
    const work = closing(kind, () => closed = true);
    await drive(work, { signal: controller.signal, between: () => controller.abort() }).catch(() => {});
    assert.equal(closed, true);
  });

  Deno.test(`drive() closes ${kind} work when the signal is aborted between two slices`, async () => {
    await withFakeClock(async (pass) => {
      const controller = new AbortController();
      let closed = false;
      setImmediate(() => controller.abort());
      const work = closing(kind, () => closed = true);
      await drive(work, { signal: controller.signal, between: () => pass(1) }).catch(() => {});
      assert.equal(closed, true);
    });
  });

  Deno.test(`drive() closes ${kind} work when between throws`, async () => {
    let closed = false;
    const between = () => {
      throw new Error("broken");
    };
    await drive(closing(kind, () => closed = true), { between }).catch(() => {});
    assert.equal(closed, true);
  });
}

Deno.test("drive() throws the reason of the abort although closing the work throws too", async () => {
  const controller = new AbortController(), reason = new Error("enough");
  const work = closing("sync", () => {
    throw new Error("cannot close");
  });
  const driven = drive(work, { signal: controller.signal, between: () => controller.abort(reason) });
  await assert.rejects(driven, (error) => error === reason);
});

Deno.test("drive() does not throw when the work ends as the signal is aborted", async () => {
  const controller = new AbortController();
  function* work() {
    yield;
    controller.abort();
  }
  await assert.doesNotReject(drive(work(), { signal: controller.signal }));
});

Deno.test("drive() runs work that cannot be closed", async () => {
  let steps = 0;
  await drive([undefined, undefined], { between: () => steps++ });
  assert.equal(steps, 2);
});

Deno.test("drive() waits for what async work waits for", async () => {
  const order: string[] = [];
  async function* work() {
    await nextTurn();
    order.push("work");
    yield;
  }
  await drive(work());
  order.push("after");
  assert.deepEqual(order, ["work", "after"]);
});

/** Runs the body while something keeps the event loop going, which `sleep()` does not. */
async function awake(body: () => Promise<void>): Promise<void> {
  const timer = setInterval(() => {}, 1000);
  try {
    await body();
  } finally {
    clearInterval(timer);
  }
}

const NEVER = new AbortController().signal;

Deno.test("sleep() resolves after its time", async () => {
  await awake(async () => {
    const start = performance.now();
    await sleep(50, NEVER);
    assert(performance.now() - start >= 49);
  });
});

Deno.test("sleep() resolves when the signal is aborted", async () => {
  const controller = new AbortController();
  const slept = sleep(3_600_000, controller.signal);
  controller.abort();
  await assert.doesNotReject(slept);
});

Deno.test("sleep() resolves at once when the signal was aborted before", async () => {
  await assert.doesNotReject(sleep(3_600_000, AbortSignal.abort()));
});

/** How many listeners a signal has while the action runs, and after it. */
async function listenersDuring(
  signal: AbortSignal,
  action: () => Promise<void>,
): Promise<{ most: number; after: number }> {
  let now = 0, most = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = function (...args: Parameters<typeof addEventListener>) {
    most = Math.max(most, ++now);
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = function (...args: Parameters<typeof removeEventListener>) {
    now--;
    removeEventListener.apply(signal, args);
  };
  await action();
  return { most, after: now };
}

Deno.test("sleep() leaves no listener with the signal", async () => {
  const { signal } = new AbortController();
  const listeners = await listenersDuring(signal, () =>
    awake(async () => {
      for (let i = 0; i < 3; i++) await sleep(1, signal);
    }));
  assert.deepEqual(listeners, { most: 1, after: 0 });
});

Deno.test("sleep() does not keep the program from ending", async () => {
  const work = new URL("../../core/work.ts", import.meta.url);
  const code = `import { sleep } from ${JSON.stringify(work.href)};
    sleep(3_600_000, new AbortController().signal).then(() => console.log("slept"));`;
  const command = new Deno.Command(Deno.execPath(), { args: ["eval", code] });
  const { code: status, stdout } = await command.output();
  assert.deepEqual([status, new TextDecoder().decode(stdout)], [0, ""]);
});

Deno.test("inOnePiece() runs every piece of work", () => {
  let done = 0;
  inOnePiece(pieces(1000, () => done++));
  assert.equal(done, 1000);
});

Deno.test("inOnePiece() throws what the work throws", () => {
  const reason = new Error("broken");
  const work = pieces(10, () => {
    throw reason;
  });
  assert.throws(() => inOnePiece(work), (error) => error === reason);
});

Deno.test("turnsWhenDue() gives the event loop no turn before a slice of time is used up", async () => {
  const turn = turnsWhenDue();
  let isTurned = false;
  setTimeout(() => isTurned = true, 0);
  await turn();
  assert.equal(isTurned, false);
  const end = performance.now() + 5;
  while (performance.now() < end);
  await turn();
  assert.equal(isTurned, true);
});
