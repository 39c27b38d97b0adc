import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";

/** Tells apart for readers of every colour vision (Okabe and Ito, "Color universal design", 2008), dark ones first. */
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"];

const TEXT_COLOUR = "#222222";
const FONT = "Helvetica, Arial, sans-serif";

/** A chart as SVG, black on white. Equal specifications give equal bytes. */
export async function renderSvg(specification: TopLevelSpec): Promise<string> {
  const text = { labelColor: TEXT_COLOUR, titleColor: TEXT_COLOUR, labelFontSize: 12, titleFontSize: 13 };
  const { spec } = compile({
    background: "white",
    padding: 12,
    ...specification,
    config: {
      font: FONT,
      range: { category: COLOURS },
      axis: { ...text, titleFontWeight: "normal", titlePadding: 8, gridColor: "#E3E3E3", domainColor: "#888888" },
      legend: { ...text, symbolStrokeWidth: 2 },
      title: { color: TEXT_COLOUR, fontSize: 14, anchor: "start", offset: 10, subtitleColor: TEXT_COLOUR },
      text: { color: TEXT_COLOUR, fontSize: 12 },
      view: { stroke: null },
    },
  });
  const view = new View(parse(spec), { renderer: "none" });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}
