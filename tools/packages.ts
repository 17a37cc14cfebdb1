/** What only tests import. */
const ONLY_TESTED = ["node-routeros"];
/** The folder that has a folder for each package. */
const PACKAGES = new URL("../../", import.meta.resolve("prom-client"));

/** A package of npm. */
export interface Package {
  /** `name@version` */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** As deno.lock has it: `sha512-` and base64. */
  readonly integrity: string;
  /** The ids of the packages that it needs. */
  readonly needs: readonly string[];
  /** Where it is on this machine. */
  readonly folder: URL;
}

interface Locked {
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm: Readonly<Record<string, { integrity: string; dependencies?: string[] }>>;
}

/** The packages of deno.lock. */
export interface Packages {
  /** The ids of those that the program itself imports. */
  readonly direct: readonly string[];
  /** Those that the program needs. */
  readonly inside: readonly Package[];
  /** Those that only its tests need. */
  readonly outside: readonly Package[];
}

export async function readPackages(): Promise<Packages> {
  const lock: Locked = JSON.parse(await Deno.readTextFile(new URL("../deno.lock", import.meta.url)));
  const all = Object.entries(lock.npm).map(([id, { integrity, dependencies = [] }]): Package => {
    const at = id.lastIndexOf("@"), name = id.slice(0, at), version = id.slice(at + 1);
    const needs = dependencies.map((dependency) => idOf(dependency, lock));
    return { id, name, version, integrity, needs, folder: new URL(`${name}/${version}/`, PACKAGES) };
  });
  const direct = Object.entries(lock.specifiers)
    .map(([specifier, version]) => `${specifier.slice("npm:".length, specifier.lastIndexOf("@"))}@${version}`)
    .filter((id) => !ONLY_TESTED.some((name) => id.startsWith(`${name}@`)));
  const needed = new Set(direct);
  // What is added to a set while it is gone through is gone through too.
  for (const id of needed) all.find((one) => one.id === id)?.needs.forEach((need) => needed.add(need));
  return {
    direct,
    inside: all.filter(({ id }) => needed.has(id)),
    outside: all.filter(({ id }) => !needed.has(id)),
  };
}

/** A dependency is a name alone where deno.lock has one version of it. */
function idOf(dependency: string, { npm }: Locked): string {
  if (dependency in npm) return dependency;
  const id = Object.keys(npm).find((id) => id.slice(0, id.lastIndexOf("@")) === dependency);
  if (id === undefined) throw new Error(`Cannot find ${dependency} in deno.lock`);
  return id;
}
