import { parse } from "yaml";
import type { Literal } from "../../../core/node.ts";
import { Float, mmdb } from "../mmdb.ts";
import {
  DEAD_ROUTER,
  EXPORTER_PORT,
  FLOW_PORT,
  HOST_NAMES,
  type HostName,
  HOSTS,
  ROUTER_USER,
  ROUTERS,
  STRANGERS,
  WIALON_PORT,
} from "./hosts.ts";

const DEPLOY = new URL("../../../deploy/prometheus/", import.meta.url);

type Literals = { readonly [key: string]: Literal };

const WEB: Literals = { sockets: { process: true }, conntrack: true };

const COLLECTORS: Readonly<Record<HostName, Literals>> = {
  web1: WEB,
  web2: WEB,
  telematics: {
    sockets: true,
    wialon: { interface: "eth0", filter: `port ${WIALON_PORT}`, promiscuous: true },
  },
  monitor: {
    sockets: true,
    mikrotik: {
      routers: [
        ...Object.entries(ROUTERS).map(([name, port]) => ({ name, address: `127.0.0.1:${port}` })),
        { name: "attic", address: DEAD_ROUTER },
      ].map((router) => ({ ...router, ...ROUTER_USER, interval: "1s" })),
    },
    netflow: { listen_address: [`0.0.0.0:${FLOW_PORT}`] },
  },
};

/** There are more sockets than fit. */
const OF_WEB2: Literals = { rules: [{ name: "network_connections_info", max_series: 50 }] };

/** Files for the exporters and for Prometheus, in a folder. */
export class Configurations {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async write(folder: string): Promise<Configurations> {
    const configurations = new Configurations(folder);
    await Deno.mkdir(`${folder}/rules`);
    await Promise.all([
      Deno.writeFile(configurations.#cities, cities()),
      ...HOST_NAMES.map((name) => configurations.#writeExporter(name)),
      configurations.#writePrometheus(),
      configurations.#writeRules(),
    ]);
    return configurations;
  }

  exporter(name: HostName): string {
    return `${this.#folder}/${name}.yml`;
  }

  get prometheus(): string {
    return `${this.#folder}/prometheus.yml`;
  }

  get #cities(): string {
    return `${this.#folder}/cities.mmdb`;
  }

  async #writeExporter(name: HostName): Promise<void> {
    await this.#write(this.exporter(name), {
      collectors: { disable_defaults: true, interval: 1, ...COLLECTORS[name] },
      web: { listen_address: [`${HOSTS[name].address}:${EXPORTER_PORT}`] },
      ...name === "monitor" ? this.#ofMonitor() : name === "web2" ? OF_WEB2 : {},
    });
  }

  #ofMonitor(): Literals {
    return {
      enrich: { maxmind_city: { file: this.#cities } },
      filters: { netflow: [{ not: { match: "protocol", is: 112 } }] },
    };
  }

  /** What deploy/ has for hosts in files, but every second. */
  async #writePrometheus(): Promise<void> {
    const [job] = (await read("prometheus.file_sd.yml"))["scrape_configs"];
    const targets = `${this.#folder}/targets.json`;
    await this.#write(
      targets,
      HOST_NAMES.map((instance) => ({
        targets: [`${HOSTS[instance].address}:${EXPORTER_PORT}`],
        labels: { instance, site: HOSTS[instance].site },
      })),
    );
    await this.#write(this.prometheus, {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: ["rules/*.yml"],
      scrape_configs: [{ ...job, file_sd_configs: [{ files: [targets] }] }],
    });
  }

  async #writeRules(): Promise<void> {
    for await (const { name } of Deno.readDir(new URL("rules/", DEPLOY))) {
      const { groups } = await read(`rules/${name}`);
      const fast = groups.map((group: Literals) => ({ ...group, interval: "1s" }));
      await this.#write(`${this.#folder}/rules/${name}`, { groups: fast });
    }
  }

  async #write(path: string, content: Literal): Promise<void> {
    await Deno.writeTextFile(path, JSON.stringify(content));
  }
}

// deno-lint-ignore no-explicit-any -- promtool knows what is in it
async function read(path: string): Promise<any> {
  return parse(await Deno.readTextFile(new URL(path, DEPLOY)));
}

/** A database of cities in the form that MaxMind gives it. */
function cities(): Uint8Array<ArrayBuffer> {
  return mmdb(Object.fromEntries(STRANGERS.map(({ address, city, latitude, longitude }) => [
    `${address}/32`,
    {
      city: { names: { en: city } },
      location: { latitude: new Float(latitude), longitude: new Float(longitude) },
    },
  ])));
}
