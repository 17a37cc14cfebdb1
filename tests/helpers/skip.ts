export interface TestWith {
  readonly name: string;
  /** Why the test cannot run here, if it cannot. */
  readonly needs: () => Promise<string | undefined>;
  readonly fn: (context: Deno.TestContext) => void | Promise<void>;
}

/** A test that needs something of the machine. Without it, it is skipped with the reason; in CI it fails. */
export function testWith({ name, needs, fn }: TestWith): void {
  Deno.test(name, async (context) => {
    const reason = await needs();
    if (reason === undefined) return await fn(context);
    if (Deno.env.has("CI")) throw new Error(`Cannot run this test: ${reason}`);
    await context.step({ name: `skipped: ${reason}`, ignore: true, fn: () => {} });
  });
}

/** Needs a program on the PATH. */
export function program(name: string): () => Promise<string | undefined> {
  return async () => {
    try {
      await new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" }).output();
      return undefined;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return `${name} is not on the PATH`;
      throw error;
    }
  };
}
