import { BINARY } from "../helpers/binaries.ts";
import { ConntrackNamespace } from "../helpers/conntrack_namespace.ts";
import { seriesOf } from "../helpers/exporter.ts";
import { Host, type Series } from "../helpers/program_host.ts";
import { SystemdHost } from "../helpers/systemd_host.ts";
import type { Answer, Asked } from "./service_guest.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const GUEST = new URL("service_guest.ts", import.meta.url);
const UNIT = "netcensus.service", UNITS = "/etc/systemd/system";

export interface Installed {
  /** Names of files in systemd/netcensus.service.d/, without .conf. */
  readonly dropIns?: readonly string[];
  /** Further settings of the unit. */
  readonly override?: readonly string[];
  readonly configuration?: string;
  /** Lines of the environment file, after those that it has. */
  readonly environment?: readonly string[];
}

/** A host with the service on it, and a guest in its network. */
export class ServiceHost extends Host {
  private constructor(
    readonly host: SystemdHost,
    private readonly network: ConntrackNamespace,
    private readonly resources: AsyncDisposableStack,
  ) {
    super(network.namespace.start(GUEST));
  }

  /** Installs the service, and starts nothing. */
  static async install(installed: Installed): Promise<ServiceHost> {
    await using resources = new AsyncDisposableStack();
    const network = resources.use(await ConntrackNamespace.create());
    const host = resources.use(await SystemdHost.start(network.namespace, "host"));
    await write(host, installed);
    return new ServiceHost(host, network, resources.move());
  }

  /** Installs and starts it. */
  static async start(installed: Installed = {}): Promise<ServiceHost> {
    const host = await ServiceHost.install(installed);
    try {
      await host.systemctl("start");
      return host;
    } catch (error) {
      const journal = await host.journal();
      await host[Symbol.asyncDispose]();
      throw new Error(`${(error as Error).message}${journal}`);
    }
  }

  systemctl(verb: string): Promise<string> {
    return this.host.must("systemctl", verb, UNIT);
  }

  /** What systemd says of the service. */
  async property(name: string): Promise<string> {
    return (await this.host.must("systemctl", "show", "--value", "-p", name, UNIT)).trim();
  }

  /** All that the service and systemd have said of it. */
  journal(): Promise<string> {
    return this.host.must("journalctl", "--no-pager", "-o", "cat", "-u", UNIT);
  }

  configure(text: string): Promise<void> {
    return Deno.writeTextFile(this.host.path("/etc/netcensus/netcensus.yml"), text);
  }

  get(path: string, method?: string): Promise<Answer> {
    return this.ask<Answer>("ask", { path, ...method && { method } } satisfies Asked);
  }

  async series(): Promise<Series> {
    return seriesOf((await this.get("/metrics")).text);
  }

  sendFlow(): Promise<void> {
    return this.ask("sendFlow");
  }

  /** Starts a router with that password; gives its address. */
  startRouter(password: string): Promise<string> {
    return this.ask("startRouter", password);
  }

  sendMessages(): Promise<void> {
    return this.ask("sendMessages");
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.resources.disposeAsync();
  }
}

async function write(host: SystemdHost, installed: Installed): Promise<void> {
  const { dropIns = [], override = [], configuration = "{}\n", environment = [] } = installed;
  for (const folder of ["/etc/netcensus/secrets", `${UNITS}/${UNIT}.d`]) {
    await Deno.mkdir(host.path(folder), { recursive: true });
  }
  await Deno.copyFile(BINARY, host.path("/usr/local/bin/netcensus"));
  for (const file of [UNIT, ...dropIns.map((name) => `${UNIT}.d/${name}.conf`)]) {
    await Deno.copyFile(`${ROOT}systemd/${file}`, host.path(`${UNITS}/${file}`));
  }
  await Deno.writeTextFile(
    host.path(`${UNITS}/${UNIT}.d/test.conf`),
    ["[Service]", ...override, ""].join("\n"),
  );
  const defaults = await Deno.readTextFile(`${ROOT}systemd/netcensus.default`);
  await Deno.writeTextFile(host.path("/etc/default/netcensus"), [defaults, ...environment, ""].join("\n"));
  await Deno.writeTextFile(host.path("/etc/netcensus/netcensus.yml"), configuration);
}
