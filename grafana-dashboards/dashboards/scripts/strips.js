// A row a room, a box a window by the floor's clock: the further from the background, the longer somebody was
// there. A window of which nothing is known has no box.
const { theme } = context.grafana;
const ink = theme.isDark ? '#ccccdc' : '#24292e';
const frames = context.panel.data.series.filter((one) => one.fields.some((field) => field.name === 'value'));
const rooms = frames.map((frame) => frame.name);
const times = frames.length ? Array.from(frames[0].fields.find((field) => field.type === 'time').values) : [];
if (!times.length) {
  return { title: { text: 'No data', left: 'center', top: 'middle', textStyle: { color: ink } } };
}
const zone = frames[0].meta?.custom?.timezone ?? 'UTC';
const clock = (form) => new Intl.DateTimeFormat('en-GB', { timeZone: zone, ...form });
const [weekday, day, minute, hour] = [
  { weekday: 'short' },
  { weekday: 'short', day: 'numeric', month: 'short' },
  { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  { hour: '2-digit', hourCycle: 'h23' },
].map(clock);
const isDaily = times.length < 2 || times[1] - times[0] > 20 * 3600e3;
const values = frames.map((frame) => Array.from(frame.fields.find((field) => field.name === 'value').values));
const known = times.filter((_, i) => values.some((own) => own[i] != null));
// Without the days of the week, and the hours before and after those, that do not count.
const weekdays = new Set(known.map((t) => weekday.format(t)));
const hours = known.map((t) => Number(hour.format(t)));
const [first, last] = [Math.min(...hours), Math.max(...hours)];
const counts = (t) =>
  weekdays.has(weekday.format(t)) && (isDaily || (Number(hour.format(t)) >= first && Number(hour.format(t)) <= last));
const counted = times.map((_, i) => i).filter((i) => counts(times[i]));
const windows = counted.map((i) => day.format(times[i]) + (isDaily ? '' : ', ' + minute.format(times[i])));
const days = counted.map((i) => day.format(times[i]));
const isOneDay = new Set(days).size < 2;
const per = isDaily ? 3600 : 60;
const data = values.flatMap((own, row) =>
  counted.flatMap((i, at) => (own[i] == null ? [] : [[at, row, own[i] / per]])),
);
const largest = Math.max(...data.map(([, , v]) => v), 1);
const written = (v) =>
  isDaily ? Math.floor(v) + ' h ' + String(Math.floor((v % 1) * 60)).padStart(2, '0') + ' min' : Math.round(v) + ' min';
const unit = isDaily ? ' h' : ' min';
const blues = ['#0b1f3a', '#1f4e8c', '#3d7dd1', '#7fb2f0', '#d3e6ff'];
// Of many windows of several days the first of each day says which it is.
const axis = isDaily || isOneDay
  ? { hideOverlap: true, formatter: (text) => (isDaily ? text : text.split(', ')[1]) }
  : { interval: (at) => at === 0 || days[at] !== days[at - 1], formatter: (text) => text.split(', ')[0], align: 'left', hideOverlap: true };
return {
  backgroundColor: 'transparent',
  animation: false,
  tooltip: { formatter: ({ value: [x, y, v] }) => rooms[y] + ', ' + windows[x] + ': ' + written(v) },
  grid: { left: 8, right: 70, top: 4, bottom: 4, containLabel: true },
  xAxis: {
    type: 'category', data: windows, axisLabel: { color: ink, fontSize: 11, ...axis },
    axisTick: { show: false }, axisLine: { show: false },
  },
  yAxis: {
    type: 'category', data: rooms, inverse: true, axisLabel: { color: ink, fontSize: 11, interval: 0 },
    axisTick: { show: false }, axisLine: { show: false },
  },
  visualMap: {
    min: 0, max: largest, dimension: 2, calculable: false, right: 0, top: 'middle', itemWidth: 10, itemHeight: 120,
    text: [Math.round(largest) + unit, '0' + unit], textStyle: { color: ink, fontSize: 11 },
    inRange: { color: theme.isDark ? blues : [...blues].reverse() },
  },
  series: [{
    type: 'heatmap', data,
    itemStyle: { borderColor: theme.isDark ? '#181b1f' : '#ffffff', borderWidth: counted.length > 100 ? 0 : 1 },
  }],
};
