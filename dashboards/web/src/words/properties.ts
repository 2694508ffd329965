// Observed properties and units as people read them. A property that is not listed is shown by its own name.
import type { Language, Words } from '../states';
import { LOCALE } from './time';

interface PropertyWords extends Words {
  /** Digits after the point. */
  digits: number;
}

const PROPERTIES: Readonly<Record<string, PropertyWords>> = {
  vehicle_flow: { vi: 'Lưu lượng xe', en: 'Vehicle flow', digits: 0 },
  vehicle_speed: { vi: 'Tốc độ trung bình', en: 'Mean speed', digits: 1 },
  occupancy: { vi: 'Độ chiếm dụng', en: 'Occupancy', digits: 1 },
  travel_time: { vi: 'Thời gian hành trình', en: 'Travel time', digits: 0 },
  pm2_5: { vi: 'Bụi mịn PM2.5', en: 'PM2.5', digits: 1 },
  pm10: { vi: 'Bụi PM10', en: 'PM10', digits: 1 },
  so2: { vi: 'SO₂', en: 'SO₂', digits: 1 },
  no2: { vi: 'NO₂', en: 'NO₂', digits: 1 },
  co: { vi: 'CO', en: 'CO', digits: 0 },
  o3: { vi: 'O₃', en: 'O₃', digits: 1 },
  air_temperature: { vi: 'Nhiệt độ không khí', en: 'Air temperature', digits: 1 },
  relative_humidity: { vi: 'Độ ẩm tương đối', en: 'Relative humidity', digits: 0 },
  dew_point: { vi: 'Điểm sương', en: 'Dew point', digits: 1 },
  wind_speed: { vi: 'Tốc độ gió', en: 'Wind speed', digits: 1 },
  wind_gust: { vi: 'Gió giật', en: 'Wind gust', digits: 1 },
  wind_direction: { vi: 'Hướng gió', en: 'Wind direction', digits: 0 },
  rainfall: { vi: 'Lượng mưa', en: 'Rainfall', digits: 1 },
  air_pressure: { vi: 'Khí áp', en: 'Air pressure', digits: 1 },
  visibility: { vi: 'Tầm nhìn xa', en: 'Visibility', digits: 1 },
  water_level: { vi: 'Mực nước', en: 'Water level', digits: 2 },
  discharge: { vi: 'Lưu lượng dòng chảy', en: 'Discharge', digits: 1 },
  water_flow: { vi: 'Lưu lượng nước', en: 'Water flow', digits: 1 },
  smoke: { vi: 'Chỉ số khói', en: 'Smoke score', digits: 2 },
  camera_fire_score: { vi: 'Camera phát hiện cháy', en: 'Camera fire score', digits: 2 },
  acoustic_score: { vi: 'Âm thanh bất thường', en: 'Acoustic score', digits: 2 },
  battery_voltage: { vi: 'Điện áp pin', en: 'Battery voltage', digits: 2 },
  energy: { vi: 'Điện năng', en: 'Energy', digits: 1 },
  power: { vi: 'Công suất', en: 'Power', digits: 1 },
  volume: { vi: 'Thể tích', en: 'Volume', digits: 2 },
  active_power: { vi: 'Công suất tác dụng', en: 'Active power', digits: 1 },

  // Computed by the server: the titles of src/api/scale.rs.
  vn_aqi: { vi: 'Chỉ số chất lượng không khí giờ (VN_AQI)', en: 'Air quality index of the hour (VN_AQI)', digits: 0 },
  vn_aqi_daily: { vi: 'Chỉ số chất lượng không khí ngày (VN_AQI)', en: 'Air quality index of the day (VN_AQI)', digits: 0 },
  fire_danger_p: { vi: 'Chỉ số nguy cơ cháy rừng P', en: 'Forest fire danger P', digits: 0 },
  fire_danger_level: { vi: 'Cấp dự báo cháy rừng', en: 'Forest fire danger level', digits: 0 },
  ffmc: { vi: 'Mã ẩm vật liệu mịn (FFMC)', en: 'Fine fuel moisture code (FFMC)', digits: 1 },
  dmc: { vi: 'Mã ẩm lớp mùn (DMC)', en: 'Duff moisture code (DMC)', digits: 1 },
  dc: { vi: 'Mã khô hạn (DC)', en: 'Drought code (DC)', digits: 1 },
  isi: { vi: 'Chỉ số lan ban đầu (ISI)', en: 'Initial spread index (ISI)', digits: 1 },
  bui: { vi: 'Chỉ số tích luỹ (BUI)', en: 'Build-up index (BUI)', digits: 1 },
  fwi: { vi: 'Chỉ số thời tiết cháy (FWI)', en: 'Fire weather index (FWI)', digits: 1 },
  cbi: { vi: 'Chỉ số cháy Chandler', en: 'Chandler burning index', digits: 1 },
  level_of_service: { vi: 'Mức phục vụ giao thông', en: 'Level of service', digits: 0 },
  rain_1h: { vi: 'Lượng mưa 1 giờ', en: 'Rain of 1 h', digits: 1 },
  rain_3h: { vi: 'Lượng mưa 3 giờ', en: 'Rain of 3 h', digits: 1 },
  rain_6h: { vi: 'Lượng mưa 6 giờ', en: 'Rain of 6 h', digits: 1 },
  rain_12h: { vi: 'Lượng mưa 12 giờ', en: 'Rain of 12 h', digits: 1 },
  rain_24h: { vi: 'Lượng mưa 24 giờ', en: 'Rain of 24 h', digits: 1 },
  rain_72h: { vi: 'Lượng mưa 72 giờ', en: 'Rain of 72 h', digits: 1 },
  river_alarm_stage: { vi: 'Cấp báo động lũ', en: 'River alarm stage', digits: 0 },
  landslide_rain_margin: { vi: 'Mưa vượt ngưỡng sạt lở', en: 'Rain above the landslide threshold', digits: 1 },
};

/** UCUM codes whose ordinary spelling differs. `null` is a plain number. */
const UNITS: Readonly<Record<string, Words | null>> = {
  '1': null,
  '[ppm]': { vi: 'ppm', en: 'ppm' },
  Cel: { vi: '°C', en: '°C' },
  '[degF]': { vi: '°F', en: '°F' },
  '[mi_i]/h': { vi: 'dặm/giờ', en: 'mph' },
  '[kn_i]': { vi: 'hải lý/giờ', en: 'kn' },
  '[in_i]': { vi: 'in', en: 'in' },
  'ug/m3': { vi: 'µg/m³', en: 'µg/m³' },
  'mg/m3': { vi: 'mg/m³', en: 'mg/m³' },
  min: { vi: 'phút', en: 'min' },
  s: { vi: 'giây', en: 's' },
  'm3/s': { vi: 'm³/s', en: 'm³/s' },
  'L/s': { vi: 'lít/s', en: 'L/s' },
  '/h': { vi: 'xe/giờ', en: 'veh/h' },
  '/min': { vi: '/phút', en: '/min' },
  deg: { vi: '°', en: '°' },
  'kW.h': { vi: 'kWh', en: 'kWh' },
  'W.h': { vi: 'Wh', en: 'Wh' },
  m3: { vi: 'm³', en: 'm³' },
  L: { vi: 'lít', en: 'L' },
  'W/m2': { vi: 'W/m²', en: 'W/m²' },
  'uS/cm': { vi: 'µS/cm', en: 'µS/cm' },
  '[pH]': { vi: 'pH', en: 'pH' },
  '{NTU}': { vi: 'NTU', en: 'NTU' },
};

/** The property that speaks for a station beside its symbol: the first of these that it carries. */
export const LEADING: readonly string[] = [
  'pm2_5',
  'vehicle_speed',
  'water_level',
  'water_flow',
  'camera_fire_score',
  'air_temperature',
  'rainfall',
];

const formats = new Map<string, Intl.NumberFormat>();

/** Numbers with so many digits after the point, and no sign before what is 0 with these, made once: a table asks for thousands. */
export function decimals(language: Language, least: number, most: number): Intl.NumberFormat {
  const key = `${language} ${least} ${most}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(LOCALE[language], { minimumFractionDigits: least, maximumFractionDigits: most, signDisplay: 'negative' });
    formats.set(key, format);
  }
  return format;
}

/** Properties that have a name here. */
export const PROPERTIES_NAMED: readonly string[] = Object.keys(PROPERTIES);

/** Whether the property has a name of its own here. */
export function isNamed(property: string): boolean {
  return Object.hasOwn(PROPERTIES, property);
}

export function propertyWords(property: string, language: Language): string {
  return PROPERTIES[property]?.[language] ?? property.replaceAll('_', ' ');
}

export function unitWords(unit: string, language: Language): string {
  const known = UNITS[unit];
  if (known === null) return '';
  return known?.[language] ?? unit;
}

/** Units that have a spelling of their own here, or are written close to the number. */
export const UNITS_NAMED: readonly string[] = [...Object.keys(UNITS), '%'];

/** What follows a number of this unit: joined by a space that does not break; degrees of arc follow the number at once. */
export function unitAfter(unit: string, language: Language): string {
  const words = unitWords(unit, language);
  return words === '' || words === '°' || words === '%' ? words : `\u00a0${words}`;
}

/** Digits after the point of a property that has a name here. */
export function digitsOf(property: string): number | undefined {
  return PROPERTIES[property]?.digits;
}

/** A value with the digits that its property deserves; `–` when there is none. */
export function number(value: number | null | undefined, property: string, language: Language): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  const digits = digitsOf(property);
  return decimals(language, digits ?? 0, digits ?? 2).format(value);
}

/** Value and unit. */
export function quantity(value: number | null | undefined, property: string, unit: string, language: Language): string {
  const text = number(value, property, language);
  return text === '–' ? text : text + unitAfter(unit, language);
}

/** The channel shown first; `undefined` when the station has none of the known ones. */
export function leadingProperty(properties: readonly string[]): string | undefined {
  return LEADING.find((property) => properties.includes(property)) ?? properties[0];
}
