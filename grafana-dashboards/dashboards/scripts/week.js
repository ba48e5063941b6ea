// The hours of the week from the rows of a pattern, days in their order. An hour has two ends: 11–12, not 12.
const frame = context.panel.data.series.find((one) => one.fields.length);
const theme = context.grafana.theme;
const ink = theme.isDark ? '#ccccdc' : '#24292e';
const empty = { title: { text: 'No data', left: 'center', top: 'middle', textStyle: { color: ink } } };
if (!frame) {
  return empty;
}
const field = (name) => frame.fields.find((one) => one.name === name);
const values = (name) => Array.from(field(name).values);
const [weekdays, hours, value] = ['weekday', 'hour', 'value'].map(values);
const title = field('value').config?.displayName ?? 'People';
// Without the days that do not count.
const days = [...new Set(weekdays.filter((day) => weekdays.some((own, i) => own === day && value[i] != null)))];
// Only hours of which something is known: with working hours the night is not two thirds of the panel.
const known = hours.filter((_, i) => value[i] != null);
if (!known.length) {
  return empty;
}
const from = Math.min(...known), to = Math.max(...known);
const shown = Array.from({ length: to - from + 1 }, (_, i) => from + i);
const hour = (h) => h + '–' + (h + 1);
const written = (v) => (v < 10 ? Number(v.toFixed(1)) : Math.round(v)).toLocaleString();
const largest = Math.max(...value.map((v) => v ?? 0)) || 1;
const inferno = ['#000004', '#1b0c41', '#4a0c6b', '#781c6d', '#a52c60', '#cf4446', '#ed6925', '#fb9b06', '#f7d13d', '#fcffa4'];
// More is further from the background, as on the other maps; the least is still a cell, not a hole.
const colours = theme.isDark ? inferno.slice(1) : [...inferno].reverse().slice(0, -1);
// The colour of a value, as the scale mixes it, and the letters that stand out from it most.
const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
function colour(v) {
  const at = Math.max(0, Math.min(1, v / largest)) * (colours.length - 1);
  const [low, high] = [Math.floor(at), Math.ceil(at)].map((i) => rgb(colours[i]));
  return low.map((one, i) => one + (high[i] - one) * (at - Math.floor(at)));
}
function letters(v) {
  const [r, g, b] = colour(v).map((one) => (one / 255 <= 0.04045 ? one / 255 / 12.92 : ((one / 255 + 0.055) / 1.055) ** 2.4));
  // White and black differ as much from a colour of this lightness.
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#000000' : '#ffffff';
}
const width = context.panel.chart.getWidth() - 150;
const widest = Math.max(...value.map((v) => (v == null ? 0 : written(v).length)));
const data = value.flatMap((v, i) =>
  v == null || hours[i] < from || hours[i] > to
    ? []
    : [{ value: [hours[i] - from, days.indexOf(weekdays[i]), v], label: { color: letters(v) } }],
);
const busiest = frame.meta?.custom?.busiest?.text ?? '';
return {
  backgroundColor: 'transparent',
  animation: false,
  title: { text: busiest, left: 4, top: 0, textStyle: { color: ink, fontSize: 14 } },
  tooltip: {
    formatter: ({ value: [x, y, v] }) => days[y] + ' ' + hour(shown[x]) + ': ' + written(v) + ' ' + title.toLowerCase(),
  },
  grid: { left: 82, right: 64, top: 26, bottom: 24 },
  xAxis: {
    type: 'category', data: shown.map(hour), splitArea: { show: false }, axisTick: { show: false },
    axisLabel: { color: ink, fontSize: 11, hideOverlap: true }, axisLine: { show: false },
  },
  yAxis: {
    type: 'category', data: days, inverse: true, axisTick: { show: false },
    axisLabel: { color: ink, fontSize: 11 }, axisLine: { show: false },
  },
  visualMap: {
    min: 0, max: largest, dimension: 2, calculable: false, orient: 'vertical', right: 0, top: 'middle',
    itemWidth: 10, itemHeight: 90, textStyle: { color: ink, fontSize: 11 },
    text: [written(largest) + (title.startsWith('People') ? ' people' : ' per h'), '0'],
    inRange: { color: colours },
  },
  series: [{
    type: 'heatmap', data,
    itemStyle: { borderColor: theme.isDark ? '#181b1f' : '#ffffff', borderWidth: 1 },
    // Numbers where they fit.
    label: {
      show: width / shown.length > 7 * widest + 4, fontSize: 11,
      formatter: ({ value: [, , v] }) => written(v),
    },
    emphasis: { disabled: true },
  }],
};
