// What the real @grafana/data makes of frames, for the tests in this folder.
//
//     node to_data_frame.mjs <folder whose package.json names the version>
//
// Each line of stdin is a JSON array of frames (or of tables as arrays of objects); each is answered by one
// line: {frames: [...]} or {error: "..."}. What JSON cannot say is said as a text: "NaN", "undefined".
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';

console.log = console.info = console.error; // stdout is for answers; a dependency advertises itself there
const load = createRequire(resolve(process.argv[2], 'package.json'));
globalThis.navigator ??= { language: 'en-US', languages: ['en-US'] }; // Node has one from 21 on
// The package watches `window` for changes of local storage; react-use, once it sees a window, wants a
// document too. Loaded before, it takes this for a server and leaves it at that: no DOM is needed.
createRequire(load.resolve('@grafana/data'))('react-use');
globalThis.window = { addEventListener() {} };

const grafana = load('@grafana/data');
const theme = grafana.createTheme();

const exact = (_, value) =>
  value === undefined || (typeof value === 'number' && !Number.isFinite(value)) ? String(value) : value;

const pick = ({ sum, max, allIsNull }) => ({ sum, max, allIsNull });

const knowsUnit = (unit) =>
  unit === undefined || /^(suffix|prefix|time|currency):/.test(unit) || unit in grafana.getValueFormatterIndex();

function describe(raw) {
  const frame = grafana.toDataFrame(raw);
  // As a panel gets it: options applied, display names and formatters in place.
  const [applied] = grafana.applyFieldOverrides({
    data: [frame],
    fieldConfig: { defaults: {}, overrides: [] },
    replaceVariables: (text) => text,
    theme,
  });
  const fields = applied.fields.map((field) => ({
    name: field.name,
    type: field.type,
    config: field.config,
    labels: field.labels ?? null,
    values: Array.from(field.values),
    knownUnit: knowsUnit(field.config.unit),
    displayName: grafana.getFieldDisplayName(field, applied, [applied]),
    shows: [0.5, 1234, null].map((value) => grafana.formattedValueToString(field.display(value))),
    calcs: pick(grafana.reduceField({ field, reducers: ['sum', 'max', 'allIsNull'] })),
  }));
  const { name, refId, meta, length } = applied;
  const known = Object.values(grafana.DataFrameType).includes(meta?.type);
  return { name, refId, meta: meta ?? null, knownType: known, length, fields };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { frames: JSON.parse(line).map(describe) };
  } catch (error) {
    answer = { error: String(error?.stack ?? error) };
  }
  process.stdout.write(JSON.stringify(answer, exact) + '\n');
}
