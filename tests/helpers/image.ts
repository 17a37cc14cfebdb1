import project from "../../deno.json" with { type: "json" };
import { type Output, outputOf } from "./exporter.ts";
import { DIST } from "./release.ts";

const DOCKERFILE = new URL("../../deploy/Dockerfile", import.meta.url).pathname;
const BASE = "base", IMAGE = "netcensus";
/** What docs/container.md says of a container that may do nothing; root of this machine may not raise its limits. */
const RUN = [
  ...["run", "--rm", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--no-healthcheck"],
  ...["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"],
];

/** The image that deploy/Dockerfile makes of a release, in a store of its own. */
export class Image implements AsyncDisposable {
  readonly #store: string;

  private constructor(store: string) {
    this.#store = store;
  }

  /** Builds it on a file system of Debian that is in an archive. */
  static async build(base: string): Promise<Image> {
    const image = new Image(await Deno.makeTempDir());
    try {
      await image.podman("import", base, BASE);
      await image.podman(
        ...["build", "--format=docker", "--isolation=chroot", "--network=host", `--file=${DOCKERFILE}`],
        ...[`--build-arg=BASE=${BASE}`, `--build-arg=VERSION=${project.version}`, `--tag=${IMAGE}`, DIST],
      );
      return image;
    } catch (error) {
      await image[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What the image says of how it is run. */
  async configuration() {
    const { stdout } = await this.podman("image", "inspect", IMAGE), [configuration] = JSON.parse(stdout);
    return configuration;
  }

  /** The command that runs it. */
  command(...options: string[]): string[] {
    return [...this.#podman, ...RUN, ...options, IMAGE];
  }

  /** Runs it to its end. */
  async run(options: string[], args: string[]): Promise<Output> {
    return await output([...this.command(...options), ...args]);
  }

  async podman(...args: string[]): Promise<Output> {
    const result = await output([...this.#podman, ...args]);
    if (result.code !== 0) throw new Error(`Cannot ${args[0]}: ${result.stdout}${result.stderr}`);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.podman("rm", "--all", "--force", "--time=0");
    await output(["umount", "--lazy", `${this.#store}/root/overlay`]);
    await Deno.remove(this.#store, { recursive: true });
  }

  get #podman(): string[] {
    const store = ["--root", `${this.#store}/root`, "--runroot", `${this.#store}/run`];
    return ["podman", ...store, "--runtime=runc", "--cgroup-manager=cgroupfs", "--log-level=fatal"];
  }
}

function output([program = "", ...args]: string[]): Promise<Output> {
  return outputOf(new Deno.Command(program, { args }));
}
