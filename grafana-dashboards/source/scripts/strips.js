// A row a room, a box a day by the floor's calendar: the darker, the longer somebody was there.
const { theme } = context.grafana;
const ink = theme.isDark ? '#ccccdc' : '#24292e';
const frames = context.panel.data.series.filter((one) => one.fields.some((field) => field.name === 'value'));
const written = (zone) => new Intl.DateTimeFormat('en-GB', { timeZone: zone, weekday: 'short', day: 'numeric', month: 'short' });
const rooms = frames.map((frame) => frame.name);
const times = frames.length ? Array.from(frames[0].fields.find((field) => field.type === 'time').values) : [];
if (!times.length) {
  return { title: { text: 'No data', left: 'center', top: 'middle', textStyle: { color: ink } } };
}
const zone = frames[0].meta?.custom?.timezone ?? 'UTC';
const weekday = new Intl.DateTimeFormat('en-GB', { timeZone: zone, weekday: 'short' });
const values = frames.map((frame) => Array.from(frame.fields.find((field) => field.name === 'value').values));
const known = new Set(values.flatMap((own) => times.filter((_, i) => own[i] != null).map((t) => weekday.format(t))));
// Without the days of the week that do not count.
const counted = times.map((_, i) => i).filter((i) => known.has(weekday.format(times[i])));
const days = counted.map((i) => written(zone).format(times[i]));
const data = values.flatMap((own, row) =>
  counted.flatMap((i, day) => (own[i] == null ? [] : [[day, row, own[i] / 3600]])),
);
const largest = Math.max(...data.map(([, , v]) => v), 1);
const time = (h) => Math.floor(h) + ' h ' + String(Math.round((h % 1) * 60)).padStart(2, '0') + ' min';
const blues = ['#0b1f3a', '#1f4e8c', '#3d7dd1', '#7fb2f0', '#d3e6ff'];
return {
  backgroundColor: 'transparent',
  animation: false,
  tooltip: { formatter: ({ value: [x, y, v] }) => rooms[y] + ', ' + days[x] + ': ' + time(v) },
  grid: { left: 8, right: 70, top: 4, bottom: 4, containLabel: true },
  xAxis: {
    type: 'category', data: days, axisLabel: { color: ink, fontSize: 11, hideOverlap: true },
    axisTick: { show: false }, axisLine: { show: false },
  },
  yAxis: {
    type: 'category', data: rooms, inverse: true, axisLabel: { color: ink, fontSize: 11, interval: 0 },
    axisTick: { show: false }, axisLine: { show: false },
  },
  visualMap: {
    min: 0, max: largest, dimension: 2, calculable: false, right: 0, top: 'middle', itemWidth: 10, itemHeight: 120,
    text: [Math.round(largest) + ' h', '0 h'], textStyle: { color: ink, fontSize: 11 },
    inRange: { color: theme.isDark ? blues : [...blues].reverse() },
  },
  series: [{ type: 'heatmap', data, itemStyle: { borderColor: theme.isDark ? '#181b1f' : '#ffffff', borderWidth: 1 } }],
};
