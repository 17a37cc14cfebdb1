import assert from "node:assert/strict";
import { hashSync } from "bcryptjs";
import { PasswordChecks } from "../../server/password_checks.ts";

const HASH = hashSync("secret", 4);

Deno.test("PasswordChecks tells whether a password is right, one after the other", async () => {
  const checks = new PasswordChecks();
  const passwords = ["secret", "wrong", "secret", "", "secret\0"];
  const found = await Promise.all(passwords.map((password) => checks.check({ password, hash: HASH })));
  assert.deepEqual(found, [true, false, true, false, false]);
  checks.close();
});

Deno.test("PasswordChecks takes hashes of htpasswd and of Python", async () => {
  const checks = new PasswordChecks();
  for (const kind of ["$2a$", "$2b$", "$2y$"]) {
    assert.equal(await checks.check({ password: "secret", hash: HASH.replace("$2b$", kind) }), true, kind);
  }
  checks.close();
});

Deno.test("PasswordChecks leaves the event loop free", async () => {
  const checks = new PasswordChecks(), hash = hashSync("secret", 11);
  let turns = 0;
  const timer = setInterval(() => turns++, 5);
  assert.equal(await checks.check({ password: "secret", hash }), true);
  clearInterval(timer);
  checks.close();
  assert(turns > 5, `${turns} turns`);
});

Deno.test("PasswordChecks finishes what it was asked to do when it is closed", async () => {
  const checks = new PasswordChecks(), check = checks.check({ password: "secret", hash: HASH });
  checks.close();
  assert.equal(await check, true);
});

Deno.test("PasswordChecks begins anew after a failure", async () => {
  const checks = new PasswordChecks();
  await assert.rejects(
    checks.check({ password: "secret", hash: "?".repeat(60) }),
    /^Error: Cannot check passwords/,
  );
  assert.equal(await checks.check({ password: "secret", hash: HASH }), true);
  checks.close();
});
