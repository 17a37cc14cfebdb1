import { pathToFileURL } from "node:url";

type Node = Deno.lint.Node;

/** Which top-level folder may import which. Folders and files that are not named here may import everything. */
const IMPORTS: ReadonlyMap<string, readonly string[]> = new Map([
  ["core", ["core"]],
  ["parsers", ["core", "parsers"]],
  ["native", ["core", "parsers", "native"]],
  ["collectors", ["core", "parsers", "native", "collectors"]],
  ["enrich", ["core", "enrich"]],
  ["metrics", ["core", "metrics"]],
  ["server", ["core", "metrics", "server"]],
  ["config", ["core", "config"]],
]);

const PURE: ReadonlySet<string> = new Set(["parsers", "metrics"]);

/** Names of the global scope that a pure folder does without, each with what it stands for. */
const IMPURE_NAMES: ReadonlyMap<string, string> = new Map([
  ["Deno", "the system"],
  ["globalThis", "the global object"],
  ["setTimeout", "a timer"],
  ["setInterval", "a timer"],
  ["setImmediate", "a timer"],
  ["performance", "the clock"],
  ["fetch", "the network"],
  ["console", "the log"],
]);

/** The same for members of names that are pure otherwise. */
const IMPURE_MEMBERS: ReadonlyMap<string, string> = new Map([
  ["Date.now", "the clock"],
  ["Temporal.Now", "the clock"],
  ["Math.random", "chance"],
  ["crypto.getRandomValues", "chance"],
  ["crypto.randomUUID", "chance"],
]);

const MAY_OPEN_LIBRARIES: ReadonlySet<string> = new Set(["native", "tests", "bench"]);

const MAX_LINES = 400;

const ROOT = new URL("../", import.meta.url).href;

/** The top-level folder of a module (`core/`), or its name if it is in the root; absent outside of the project. */
function placeOf(url: string): string | undefined {
  return url.startsWith(ROOT) ? /^[^/]*\/?/.exec(url.slice(ROOT.length))?.[0] : undefined;
}

function placeOfFile(filename: string): string | undefined {
  return placeOf(pathToFileURL(filename).href);
}

/** The name of the folder that holds a file, if the file is not in the root itself. */
function folderOf(filename: string): string | undefined {
  const place = placeOfFile(filename);
  return place?.endsWith("/") ? place.slice(0, -1) : undefined;
}

/** The text of a string that is known without running the code. */
function literalOf(node: Node | null): string | undefined {
  if (node?.type === "TSLiteralType") return literalOf(node.literal);
  if (node?.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node?.type === "TemplateLiteral" && node.expressions.length === 0) return node.quasis[0]?.cooked;
  return undefined;
}

/** Calls the listener for everything in a module that names another one. */
function onImport(listener: (specifier: string, node: Node) => void): Deno.lint.LintVisitor {
  const visit = (node: Node, source: Node | null) => {
    const specifier = literalOf(source);
    if (specifier !== undefined) listener(specifier, node);
  };
  return {
    ImportDeclaration: (node) => visit(node, node.source),
    ExportNamedDeclaration: (node) => visit(node, node.source),
    ExportAllDeclaration: (node) => visit(node, node.source),
    ImportExpression: (node) => visit(node, node.source),
    TSImportType: (node) => visit(node, node.argument),
  };
}

/** `a.b.c` of a chain of names, however it is written; `globalThis.` is left out. */
function chainOf(node: Node): string | undefined {
  switch (node.type) {
    case "Identifier":
      return node.name;
    case "ChainExpression":
    case "TSNonNullExpression":
    case "TSAsExpression":
      return chainOf(node.expression);
    case "MemberExpression": {
      const object = chainOf(node.object);
      const property = node.computed ? literalOf(node.property) : chainOf(node.property);
      if (object === undefined || property === undefined) return undefined;
      return object === "globalThis" ? property : `${object}.${property}`;
    }
    default:
      return undefined;
  }
}

/** Calls the listener for each `object.member`, and for the members in `const { member } = object`. */
function onMember(listener: (chain: string, node: Node) => void): Deno.lint.LintVisitor {
  return {
    MemberExpression(node) {
      const chain = chainOf(node);
      if (chain !== undefined) listener(chain, node);
    },
    VariableDeclarator(node) {
      const object = node.init && chainOf(node.init);
      if (!object || node.id.type !== "ObjectPattern") return;
      for (const property of node.id.properties) {
        if (property.type !== "Property") continue;
        const member = property.computed
          ? literalOf(property.key)
          : chainOf(property.key) ?? literalOf(property.key);
        if (member !== undefined) {
          listener(object === "globalThis" ? member : `${object}.${member}`, property);
        }
      }
    },
  };
}

/** Whether an identifier only names a part of something: a member, a key, a label, a name in another module. */
function isPartName(node: Extract<Node, { type: "Identifier" }>): boolean {
  const { parent } = node;
  const is = (other: Node) => other.range[0] === node.range[0] && other.range[1] === node.range[1];
  switch (parent.type) {
    case "MemberExpression":
      return !parent.computed && is(parent.property);
    case "Property":
      return !parent.computed && !parent.shorthand && is(parent.key);
    case "PropertyDefinition":
    case "MethodDefinition":
    case "TSPropertySignature":
    case "TSMethodSignature":
      return !parent.computed && is(parent.key);
    case "TSQualifiedName":
      return is(parent.right);
    case "ExportSpecifier":
      return !is(parent.local);
    case "TSEnumMember":
      return is(parent.id);
    case "ImportSpecifier":
    case "LabeledStatement":
    case "BreakStatement":
    case "ContinueStatement":
      return true;
    default:
      return false;
  }
}

const oneWay: Deno.lint.Rule = {
  create(context) {
    const folder = folderOf(context.filename);
    const allowed = folder === undefined ? undefined : IMPORTS.get(folder);
    if (allowed === undefined) return {};
    const base = pathToFileURL(context.filename);
    return onImport((specifier, node) => {
      if (!/^(?:\.{0,2}\/|file:)/.test(specifier)) return;
      const url = URL.parse(specifier, base);
      if (url === null) return;
      const place = placeOf(url.href);
      if (allowed.some((name) => place === `${name}/`)) return;
      context.report({
        node,
        message: `Cannot import ${place ?? "what is outside of the project"} in ${folder}/`,
        hint: `It may import ${allowed.map((name) => `${name}/`).join(", ")}`,
      });
    });
  },
};

const pure: Deno.lint.Rule = {
  create(context) {
    const folder = folderOf(context.filename);
    if (folder === undefined || !PURE.has(folder)) return {};
    const reported = new Set<number>();
    const report = (node: Node, what: string, detail: string) => {
      if (reported.has(node.range[0])) return;
      reported.add(node.range[0]);
      context.report({ node, message: `Cannot use ${what} in ${folder}/: ${detail}` });
    };
    const reportPresent = (node: Extract<Node, { type: "CallExpression" | "NewExpression" }>) =>
      report(node, "the clock", context.sourceCode.getText(node));
    return {
      ...onImport((specifier, node) => {
        if (specifier.startsWith("node:")) report(node, "the system", specifier);
      }),
      ...onMember((chain, node) => {
        const what = IMPURE_MEMBERS.get(chain);
        if (what !== undefined) report(node, what, chain);
      }),
      Identifier(node) {
        const what = IMPURE_NAMES.get(node.name);
        if (what !== undefined && !isPartName(node)) report(node, what, node.name);
      },
      NewExpression(node) {
        if (chainOf(node.callee) === "Date" && node.arguments.length === 0) reportPresent(node);
      },
      // Without `new`, the arguments are ignored: ECMA-262, 21.4.2.1.
      CallExpression(node) {
        if (chainOf(node.callee) === "Date") reportPresent(node);
      },
    };
  },
};

const ffi: Deno.lint.Rule = {
  create(context) {
    const place = placeOfFile(context.filename);
    if (place === undefined || MAY_OPEN_LIBRARIES.has(place.replace(/\/$/, ""))) return {};
    return onMember((chain, node) => {
      if (chain !== "Deno.dlopen") return;
      context.report({
        node,
        message: `Cannot open a library in ${place}: Deno.dlopen`,
        hint: "Only native/ may",
      });
    });
  },
};

const size: Deno.lint.Rule = {
  create(context) {
    const place = placeOfFile(context.filename);
    if (place === undefined || place === "tests/" || context.filename.endsWith("_table.ts")) return {};
    return {
      Program() {
        const lines = context.sourceCode.text.replace(/\n$/, "").split("\n");
        if (lines.length <= MAX_LINES) return;
        const start = lines.slice(0, MAX_LINES).join("\n").length + 1;
        context.report({
          range: [start, start + (lines[MAX_LINES] ?? "").length],
          message: `Expected at most ${MAX_LINES} lines, not ${lines.length}`,
          hint: "Split it by purpose; data belongs in a file that ends in _table.ts",
        });
      },
    };
  },
};

const privateNames: Deno.lint.Rule = {
  create(context) {
    if (placeOfFile(context.filename) === undefined) return {};
    const check = (
      node: Extract<Node, { type: "PropertyDefinition" | "MethodDefinition" | "AccessorProperty" }>,
    ) => {
      if (node.accessibility !== "private") return;
      if (node.type === "MethodDefinition" && node.kind === "constructor") return;
      const name = node.computed || node.key.type !== "Identifier" ? "name" : node.key.name;
      context.report({ node, message: `Use #${name} instead of private ${name}` });
    };
    return { PropertyDefinition: check, MethodDefinition: check, AccessorProperty: check };
  },
};

/** Holds the structure of the project: one way of imports, pure parsers and metrics, FFI in one place. */
export default {
  name: "layers",
  rules: { "one-way": oneWay, pure, ffi, size, private: privateNames },
} satisfies Deno.lint.Plugin;
