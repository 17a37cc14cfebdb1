import assert from "node:assert/strict";
import { DASHBOARDS, fileNameOf, FOLDER, textOf } from "../../tools/dashboards.ts";
import { withPlace } from "../../tools/dashboards/country_places.ts";
import { beside, place } from "../../tools/dashboards/grid.ts";
import { stat } from "../../tools/dashboards/charts.ts";

for (const dashboard of DASHBOARDS) {
  Deno.test(`deploy/grafana/${fileNameOf(dashboard)} is what deno task dashboards writes`, async () => {
    const written = await Deno.readTextFile(new URL(fileNameOf(dashboard), FOLDER));
    assert.ok(written === textOf(dashboard), "Run deno task dashboards");
  });
}

Deno.test("deploy/grafana/ has no dashboard that nobody writes", () => {
  const files = [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter((name) =>
    name.endsWith(".json")
  );
  assert.deepEqual(files.sort(), DASHBOARDS.map(fileNameOf).sort());
});

const panel = (title: string, size = {}) =>
  stat({ title, description: "A number.", unit: "short", expr: "up", ...size });

Deno.test("beside() shares the whole width", () => {
  const widths = beside(...["a", "b", "c", "d", "e"].map((title) => panel(title))).map(({ width }) => width);
  assert.equal(widths.reduce((sum, width) => sum + width), 24);
});

Deno.test("place() begins a new line when one is full, below the highest of it", () => {
  const placed = place([{
    title: "Row",
    panels: [panel("a", { width: 16, height: 5 }), panel("b", { width: 8, height: 9 }), panel("c")],
  }, { title: "Next", panels: [] }]);
  assert.deepEqual(placed.map(({ title, gridPos: { x, y } }) => [title, x, y]), [
    ["Row", 0, 0],
    ["a", 0, 1],
    ["b", 16, 1],
    ["c", 0, 10],
    ["Next", 0, 14],
  ]);
});

Deno.test("withPlace() changes the names of countries that Grafana has otherwise, and no others", () => {
  const names = new Intl.DisplayNames(["en"], { type: "region" });
  const cases: Record<string, string> = {
    DE: "Germany",
    TR: "TR",
    CZ: "CZ",
    BA: "Bosnia and Herzegovina",
    KN: "Saint Kitts and Nevis",
    VC: "VC",
    CI: "CI",
    CD: "CD",
    CG: "CG",
  };
  const steps = [...withPlace("x").matchAll(/"place", "([^"]*)", "place", "([^"]*)"\)/g)];
  for (const [code, place] of Object.entries(cases)) {
    const got = steps.reduce(
      (name, [, replacement, pattern]) =>
        name.replace(new RegExp(`^(?:${pattern!.replaceAll("\\\\", "\\")})$`), replacement!),
      names.of(code)!,
    );
    assert.equal(got, place, code);
  }
});
