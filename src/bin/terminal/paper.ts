/** What is written on: how wide it is, and what it can show. */

export interface Paper {
  readonly columns: number;
  readonly rows: number;
  /** Somebody looks at it, and it can be redrawn: what TERM calls dumb cannot. */
  readonly isTerminal: boolean;
  readonly colour: boolean;
  /** It shows more than ASCII. */
  readonly unicode: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** A pipe, a file, a log: they take whole lines, unless who reads them has chosen a width (COLUMNS). */
export const ENDLESS: Paper = {
  columns: Number.POSITIVE_INFINITY,
  rows: Number.POSITIVE_INFINITY,
  isTerminal: false,
  colour: false,
  unicode: true,
};
/** Where a terminal does not say its size, as over some serial lines. */
const SMALLEST = { columns: 80, rows: 24 };

export function paperOf(
  stream: { readonly isTTY?: boolean | undefined; readonly columns?: number; readonly rows?: number },
  env: Environment,
  platform: NodeJS.Platform,
): Paper {
  const isTty = stream.isTTY === true;
  const isTerminal = isTty && env.TERM !== "dumb";
  const said = Number(env.COLUMNS);
  const given = Number.isInteger(said) && said > 0 ? said : undefined;
  const { columns, rows } = isTty ? SMALLEST : ENDLESS;
  return {
    columns: (isTty ? stream.columns || given : given) || columns,
    rows: (isTty ? stream.rows : undefined) || rows,
    isTerminal,
    colour: isTerminal && !env.NO_COLOR,
    unicode: platform === "win32" || /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || ""),
  };
}

/** Of this process's standard output, as it is now. */
export function paper(): Paper {
  return paperOf(process.stdout, process.env, process.platform);
}
