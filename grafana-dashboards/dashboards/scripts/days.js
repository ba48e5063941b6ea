// Bars by day, for several floors: each floor's days are its own, by the date on its own calendar.
const { theme } = context.grafana;
const ink = theme.isDark ? '#ccccdc' : '#24292e';
const faint = theme.isDark ? 'rgba(204,204,220,0.15)' : 'rgba(36,41,46,0.15)';
const of = '__FIELD__';
const frames = context.panel.data.series.filter((one) => one.fields.some((field) => field.name === of));
const dates = (zone) => new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
const floors = frames.map((frame) => {
  const written = dates(frame.meta?.custom?.timezone ?? 'UTC');
  const times = Array.from(frame.fields.find((field) => field.type === 'time').values);
  const values = Array.from(frame.fields.find((field) => field.name === of).values);
  return { name: frame.name, value: new Map(times.map((t, i) => [written.format(t), values[i]])) };
});
const weekday = (date) => new Date(date + 'T00:00Z').getUTCDay();
const known = new Set(floors.flatMap((floor) => [...floor.value].filter(([, v]) => v != null).map(([day]) => weekday(day))));
// Without the days of the week that do not count.
const days = [...new Set(floors.flatMap((floor) => [...floor.value.keys()]))].filter((day) => known.has(weekday(day))).sort();
if (!days.length) {
  return { title: { text: 'No data', left: 'center', top: 'middle', textStyle: { color: ink } } };
}
const named = (date) =>
  new Date(date + 'T00:00Z').toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });
return {
  backgroundColor: 'transparent',
  animation: false,
  // Grafana's own in its own order: a floor has the colour that it has in the panels of lines.
  color: theme.visualization?.palette.map((name) => theme.visualization.getColorByName(name)),
  tooltip: { trigger: 'axis', axisPointer: { type: 'shadow' } },
  legend: { type: 'scroll', bottom: 0, textStyle: { color: ink, fontSize: 11 } },
  grid: { left: 44, right: 8, top: 32, bottom: 48 },
  xAxis: {
    type: 'category', data: days.map(named), axisLabel: { color: ink, fontSize: 11, hideOverlap: true },
    axisTick: { show: false }, axisLine: { lineStyle: { color: faint } },
  },
  yAxis: {
    type: 'value', min: 0, minInterval: 1, name: '__UNIT__', nameTextStyle: { color: ink, align: 'left' },
    axisLabel: { color: ink, fontSize: 11 }, splitLine: { lineStyle: { color: faint } },
  },
  series: floors.map((floor) => ({
    name: floor.name, type: 'bar', data: days.map((day) => floor.value.get(day) ?? null),
  })),
};
