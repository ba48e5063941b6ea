// Holds dashboards and alert rules against one version of @grafana/schema (its types) and @grafana/data (its
// registries).
//
//     node hold_dashboards.mjs <folder whose package.json names the version>  <documents.json
//
// stdin: {dashboards: {name: dashboard}, rules: {name: rule}}. stdout: a JSON array of faults, each a text. A
// panel's options may leave out what has a default; none may be there that this version does not know.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import ts from 'typescript';

console.log = console.info = console.error; // stdout is for the answer; a dependency advertises itself there
const folder = resolve(process.argv[2]);
const load = createRequire(resolve(folder, 'package.json'));
globalThis.navigator ??= { language: 'en-US', languages: ['en-US'] };
createRequire(load.resolve('@grafana/data'))('react-use');
globalThis.window = { addEventListener() {} };
const grafana = load('@grafana/data');

// The folder in which a core panel's options are described; null: a plugin's, which is not in the package.
const PANELS = {
  barchart: 'barchart',
  geomap: 'geomap',
  heatmap: 'heatmap',
  stat: 'stat',
  'state-timeline': 'statetimeline',
  'status-history': 'statushistory',
  table: 'table',
  text: 'text',
  timeseries: 'timeseries',
  'volkovlabs-echarts-panel': null,
};
const WITHOUT_FIELD_CONFIG = ['geomap', 'stat', 'text'];

const { dashboards, rules } = JSON.parse(readFileSync(0, 'utf8'));
const faults = [];
const checks = []; // {where, type, value}

const TYPES = resolve(dirname(load.resolve('@grafana/schema/package.json')), 'dist/types/raw');

// A module of types, which versions call by other names.
function types(path) {
  const [found] = readdirSync(resolve(TYPES, path)).filter((entry) => entry.endsWith('types.gen.d.ts'));
  return JSON.stringify(resolve(TYPES, path, found.replace(/\.d\.ts$/, '')));
}

const PRELUDE = `
import type { AnnotationQuery, DataQuery, FieldConfig, QueryVariableModel, RelativeTimeRange } from '@grafana/data';
import type * as dashboard from ${types('dashboard/x')};
${Object.entries(PANELS)
  .filter(([, path]) => path)
  .map(([id, path]) => `import type * as ${name(id)} from ${types(`composable/${path}/panelcfg/x`)};`)
  .join('\n')}
type Variable = dashboard.VariableModel & Pick<QueryVariableModel, 'definition'>;
// As JSON says it: an enum by its value, and what has a default may be left out.
type Json<T> = T extends string ? \`\${T}\` : T extends number | boolean | null | undefined ? T
  : T extends (infer E)[] ? Json<E>[] : T extends object ? { [K in keyof T]?: Json<T[K]> } : T;
`;

function name(id) {
  return id.replaceAll('-', '_');
}

function hold(where, type, value) {
  checks.push({ where, type, value });
}

function knows(where, what, registry, id) {
  if (id !== undefined && !registry.getIfExists(id)) faults.push(`${where}: no ${what} is called ${id}`);
}

function among(where, what, values, id) {
  if (id !== undefined && !Object.values(values).includes(id)) faults.push(`${where}: no ${what} is called ${id}`);
}

function unit(where, id) {
  const own = /^(suffix|prefix|time|currency|si|count|bool):/;
  if (id !== undefined && !own.test(id) && !(id in grafana.getValueFormatterIndex()))
    faults.push(`${where}: no unit is called ${id}`);
}

// {'a.b': 1} as {a: {b: 1}}.
function nested(path, value) {
  return path.split('.').reduceRight((inner, key) => ({ [key]: inner }), value);
}

// The first step's value is null, as JSON cannot say minus infinity.
function withoutBase({ steps, ...rest }) {
  return { ...rest, steps: steps.map(({ value, ...step }) => (value === null ? step : { ...step, value })) };
}

// What a panel takes though its types do not say so, with the reason.
function known({ selectionMode, ...options }) {
  // Of a heatmap: with anything but x, y and xy a drag selects nothing. Seen on 12.3, and so in later code.
  return selectionMode === 'none' ? options : { selectionMode, ...options };
}

function field(where, type, id, value) {
  if (id.startsWith('custom.')) {
    if (type) hold(`${where} ${id}`, type, nested(id.slice('custom.'.length), value));
  } else hold(`${where} ${id}`, 'FieldConfig', nested(id, id === 'thresholds' ? withoutBase(value) : value));
  if (id === 'unit') unit(where, value);
  if (id === 'color') knows(where, 'color mode', grafana.fieldColorModeRegistry, value.mode);
}

function panel(where, { panels = [], options = {}, fieldConfig = {}, ...rest }) {
  if (rest.type === 'row') {
    hold(where, 'dashboard.RowPanel', rest);
    panels.forEach((inner) => panel(`${where} / ${inner.title}`, inner));
    return;
  }
  hold(where, "Omit<dashboard.Panel, 'options' | 'fieldConfig'>", rest);
  if (!(rest.type in PANELS)) faults.push(`${where}: no panel is called ${rest.type}`);
  const own = PANELS[rest.type] ? name(rest.type) : null;
  if (own) hold(`${where} options`, `${own}.Options`, known(options));
  const custom = own && !WITHOUT_FIELD_CONFIG.includes(rest.type) ? `${own}.FieldConfig` : null;
  for (const id of Object.keys(fieldConfig.defaults ?? {})) {
    const value = fieldConfig.defaults[id];
    if (id === 'custom') Object.entries(value).forEach(([k, v]) => field(where, custom, `custom.${k}`, v));
    else field(where, custom, id, value);
  }
  for (const { matcher, properties } of fieldConfig.overrides ?? []) {
    knows(where, 'matcher', grafana.fieldMatchers, matcher.id);
    properties.forEach(({ id, value }) => field(where, custom, id, value));
  }
  for (const calc of [options.reduceOptions?.calcs, options.legend?.calcs, options.footer?.reducer].flat())
    knows(where, 'reducer', grafana.fieldReducers, calc);
  for (const { id } of rest.transformations ?? []) among(where, 'transformation', grafana.DataTransformerID, id);
}

for (const [title, { panels, templating, annotations, ...rest }] of Object.entries(dashboards)) {
  hold(title, "Omit<dashboard.Dashboard, 'panels' | 'templating' | 'annotations'>", rest);
  templating.list.forEach((variable) => hold(`${title} $${variable.name}`, 'Variable', variable));
  annotations.list.forEach(({ target, ...query }) => hold(`${title} @${query.name}`, 'AnnotationQuery', query));
  panels.forEach((inner) => panel(`${title} / ${inner.title}`, inner));
}

for (const [title, rule] of Object.entries(rules)) {
  for (const { relativeTimeRange, model } of rule.data) {
    const where = `${title} ${model.refId}`;
    if (relativeTimeRange) hold(where, 'RelativeTimeRange', relativeTimeRange);
    const { refId, hide, datasource } = model;
    hold(where, 'DataQuery', { refId, ...(hide === undefined ? {} : { hide }), ...(datasource ? { datasource } : {}) });
    if (model.type === 'reduce') knows(where, 'reducer', grafana.fieldReducers, model.reducer);
  }
}

// One file that TypeScript checks, a line a check, so that a fault's line tells which.
const lines = checks.map(({ type, value }) => `(${JSON.stringify(value)}) satisfies Json<${type}>;`);
const source = PRELUDE + lines.join('\n');
const first = PRELUDE.split('\n').length - 1;
const file = resolve(folder, 'documents.ts'); // in memory only
const settings = {
  noEmit: true,
  strict: true,
  skipLibCheck: true,
  types: [],
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
};
const host = ts.createCompilerHost(settings);
const { readFile, fileExists, getSourceFile } = host;
host.fileExists = (path) => path === file || fileExists(path);
host.readFile = (path) => (path === file ? source : readFile(path));
host.getSourceFile = (path, ...more) =>
  path === file ? ts.createSourceFile(path, source, settings.target) : getSourceFile(path, ...more);
const program = ts.createProgram([file], settings, host);
for (const fault of ts.getPreEmitDiagnostics(program, program.getSourceFile(file))) {
  const line = fault.file.getLineAndCharacterOfPosition(fault.start).line - first;
  const said = ts.flattenDiagnosticMessageText(fault.messageText, ' ').replace(/\s+/g, ' ').slice(0, 400);
  faults.push(`${checks[line]?.where ?? 'prelude'}: ${said}`);
}
if (!checks.length) faults.push('nothing was held');
process.stdout.write(JSON.stringify({ checks: checks.length, faults }));
