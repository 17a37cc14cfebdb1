/** More than anybody writes; to read it would take long. */
const MAX_BYTES = 8 * 2 ** 20;

/**
 * The text of a file of the configuration. `isAgain` when it is read while the program works: of what is no file, such as
 * a pipe, nothing may come for ever.
 */
export async function readConfigurationFile(path: string, { isAgain = false } = {}): Promise<string> {
  const { isFile, size } = await Deno.stat(path);
  if (isAgain && !isFile) throw new Error("Expected a file");
  if (size > MAX_BYTES) throw new Error(`It is larger than ${MAX_BYTES / 2 ** 20} MiB`);
  return await Deno.readTextFile(path);
}
