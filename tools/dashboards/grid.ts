import type { Panel, Placed, Row } from "./model.ts";

/** Grafana's grid has 24 columns. */
const COLUMNS = 24;

/** A panel, and the room that it wants. */
export interface Sized {
  readonly panel: Panel;
  readonly width: number;
  readonly height: number;
}

/** A row of the dashboard: a title, and panels from left to right and from top to bottom. */
export interface Section {
  readonly title: string;
  readonly panels: readonly Sized[];
}

/** Panels side by side that share the whole width. */
export function beside(...panels: readonly Sized[]): Sized[] {
  return panels.map((sized, i) => ({
    ...sized,
    width: Math.floor(COLUMNS * (i + 1) / panels.length) - Math.floor(COLUMNS * i / panels.length),
  }));
}

/** Gives each its place and number. */
export function place(sections: readonly Section[]): (Placed<Panel> | Placed<Row>)[] {
  const placed: (Placed<Panel> | Placed<Row>)[] = [];
  let y = 0;
  for (const { title, panels } of sections) {
    const row: Row = { type: "row", title, collapsed: false, panels: [] };
    placed.push({ ...row, id: placed.length + 1, gridPos: { x: 0, y, w: COLUMNS, h: 1 } });
    y++;
    let x = 0, lineHeight = 0;
    for (const { panel, width, height } of panels) {
      if (x + width > COLUMNS) {
        x = 0;
        y += lineHeight;
        lineHeight = 0;
      }
      placed.push({ ...panel, id: placed.length + 1, gridPos: { x, y, w: width, h: height } });
      x += width;
      lineHeight = Math.max(lineHeight, height);
    }
    y += lineHeight;
  }
  return placed;
}
