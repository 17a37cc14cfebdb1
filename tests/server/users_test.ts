import assert from "node:assert/strict";
import { hashSync } from "bcryptjs";
import { PasswordChecks } from "../../server/password_checks.ts";
import type { Check } from "../../server/password_worker.ts";
import { Users, type Verdict } from "../../server/users.ts";

const [ADA, BOB] = ["secret", "größe:2"].map((password) => hashSync(password, 4)) as [string, string];
const HASHES = new Map([["ada", ADA], ["bob", BOB], ["", ADA]]);

/** Notes what is checked. */
class NotedChecks extends PasswordChecks {
  readonly noted: Check[] = [];

  override check(check: Check): Promise<boolean> {
    this.noted.push(check);
    return super.check(check);
  }
}

/** Takes no time, and finds one password right. */
class QuickChecks extends NotedChecks {
  override check(check: Check): Promise<boolean> {
    this.noted.push(check);
    return Promise.resolve(check.password === "secret");
  }
}

async function withUsers<C extends PasswordChecks>(
  checks: C,
  body: (users: Users, checks: C) => Promise<void>,
): Promise<void> {
  const users = new Users(HASHES, checks);
  try {
    await body(users, checks);
  } finally {
    users.close();
  }
}

function basic(credentials: string): string {
  return `Basic ${new TextEncoder().encode(credentials).toBase64()}`;
}

const VERDICTS: readonly (readonly [authorization: string | null, verdict: Verdict])[] = [
  [basic("ada:secret"), "known"],
  [basic("ada:secret").replace("Basic ", "bAsIC   "), "known"],
  [basic("bob:größe:2"), "known"],
  [basic("ada:Secret"), "unknown"],
  [basic("ada:"), "unknown"],
  [basic("bob:secret"), "unknown"],
  [basic("eve:secret"), "unknown"],
  [basic("ADA:secret"), "unknown"],
  [basic("constructor:secret"), "unknown"],
  [basic("ada:secret\n"), "unknown"],
  [basic("ada"), "unknown"],
  [basic(""), "unknown"],
  [null, "unknown"],
  ["", "unknown"],
  ["Basic", "unknown"],
  ["Basic !", "unknown"],
  ["Basic A", "unknown"],
  [basic("ada:secret").replace("Basic", "Bearer"), "unknown"],
  [`${basic("ada:secret")}, ${basic("ada:secret")}`, "unknown"],
];

Deno.test("Users knows those that give their password", async () => {
  await withUsers(new PasswordChecks(), async (users) => {
    for (const [authorization, verdict] of VERDICTS) {
      assert.equal(await users.verdict(authorization), verdict, String(authorization));
    }
  });
});

Deno.test("Users checks a password once, right or wrong, also for those that ask at the same time", async () => {
  await withUsers(new NotedChecks(), async (users, { noted }) => {
    for (const [credentials, verdict] of [["ada:secret", "known"], ["ada:wrong", "unknown"]] as const) {
      const asked = Array.from({ length: 5 }, () => users.verdict(basic(credentials)));
      assert.deepEqual(await Promise.all(asked), Array(5).fill(verdict));
      assert.equal(await users.verdict(basic(credentials)), verdict);
    }
    assert.deepEqual(noted.map(({ password }) => password), ["secret", "wrong"]);
  });
});

Deno.test("Users checks the password of a name that is none against the hash of somebody, always the same", async () => {
  await withUsers(new NotedChecks(), async (users, { noted }) => {
    for (const password of ["secret", "a", "b"]) {
      assert.equal(await users.verdict(basic(`eve:${password}`)), "unknown");
    }
    assert.equal(noted.length, 3);
    assert.equal(new Set(noted.map(({ hash }) => hash)).size, 1);
    assert(noted.every(({ hash }) => hash === ADA || hash === BOB));
  });
});

Deno.test("Users is busy when too many passwords wait, and lets in whom it knows", async () => {
  await withUsers(new PasswordChecks(), async (users) => {
    assert.equal(await users.verdict(basic("ada:secret")), "known");
    const guesses = Array.from({ length: 25 }, (_, i) => users.verdict(basic(`ada:${i}`)));
    assert.equal(await users.verdict(basic("ada:secret")), "known");
    const verdicts = await Promise.all(guesses);
    assert.deepEqual(verdicts, [...Array(20).fill("unknown"), ...Array(5).fill("busy")]);
    assert.equal(await users.verdict(basic("ada:24")), "unknown");
  });
});

Deno.test("Users does not forget whom it knows when others guess", async () => {
  await withUsers(new QuickChecks(), async (users, { noted }) => {
    await users.verdict(basic("ada:secret"));
    for (let i = 0; i < 1500; i++) await users.verdict(basic(`ada:${i}`));
    const before = noted.length;
    await users.verdict(basic("ada:secret"));
    await users.verdict(basic("ada:1499"));
    assert.equal(noted.length, before);
    // Of wrong ones it remembers the last thousand.
    await users.verdict(basic("ada:0"));
    assert.equal(noted.length, before + 1);
  });
});
