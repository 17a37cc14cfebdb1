/** The program with two tiny collectors in the place of its own. */
import { main } from "../../main.ts";
import { bell, room } from "./tiny_collectors.ts";

Deno.exit(await main(Deno.args, [room, bell]));
