"""What invented people and companies are put together from; every domain ends in .example."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """How people of one part of the world are called, where they live, and how they write a phone number."""

    country: str
    code: str
    weight: int  # of a hundred people, so many come from here
    firsts: tuple[str, ...]
    lasts: tuple[str, ...]  # "李=li" is written as the first and spelled in addresses as the second
    cities: tuple[str, ...]
    dial: str  # "+44"
    trunk: str  # what stands before the area at home: "0"
    areas: tuple[str, ...]
    digits: int  # after the area


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


REGIONS = (
    Region("United States", "US", 26,
           _words("James Mary Robert Linda Michael Jennifer Maria David Ashley Tyrone Emily Carlos Wei"),
           _words("Smith Johnson Williams Brown Jones Garcia Miller "
                  "Davis O'Connor Washington Nguyen McAllister"),
           ("Austin", "Boston", "Chicago", "Denver", "New York", "San Francisco", "Seattle"),
           "+1", "", ("212", "303", "312", "415", "512", "617"), 7),
    Region("United Kingdom", "GB", 13,
           _words("Oliver Amelia George Isla Harry Ava Alfie Sophie Rhys Siobhán Priya Callum"),
           _words("Smith Taylor Davies Evans Wilson Thomas Roberts "
                  "Walker Wright O'Neill Patel Fitzgerald-Hughes"),
           ("London", "Manchester", "Leeds", "Bristol", "Edinburgh", "Cardiff"),
           "+44", "0", ("20", "161", "113", "117", "131"), 8),
    Region("Germany", "DE", 14,
           _words("Jürgen Anna Lukas Sophie Björn Käthe Max Lena Günther Emilia Paul Ayşe"),
           _words("Müller Schmidt Schneider Fischer Weber Groß Schäfer Köhler Yılmaz Strauß Bäcker Vogel"),
           ("Berlin", "München", "Hamburg", "Köln", "Düsseldorf", "Leipzig"),
           "+49", "0", ("30", "89", "40", "221"), 7),
    Region("France", "FR", 9,
           _words("Chloé François Élodie Théo Amélie Gaël Inès Jean-Luc Zoé Mathis"),
           _words("Martin Bernard Dubois Lefèvre Moreau Girard Besançon Noël D'Hérouville Chevalier"),
           ("Paris", "Lyon", "Marseille", "Nantes", "Besançon"), "+33", "0", ("1", "4", "2"), 8),
    Region("Spain", "ES", 6, _words("Lucía Hugo María_José Íñigo Carmen Álvaro Begoña Pablo Núria"),
           _words("García Fernández Núñez Ibáñez López Martínez Peña Gómez Ruiz Vázquez"),
           ("Madrid", "Barcelona", "València", "Málaga", "A Coruña"), "+34", "", ("91", "93", "96"), 7),
    Region("Italy", "IT", 5, _words("Leonardo Sofia Niccolò Giulia Matteo Chiara Andrea Noemi"),
           _words("Rossi Russo Ferrari Esposito Bianchi D'Angelo Lo_Giudice Fabbri"),
           ("Roma", "Milano", "Torino", "Forlì"), "+39", "", ("06", "02", "011"), 7),
    Region("Poland", "PL", 5, _words("Zuzanna Jakub Łucja Paweł Małgorzata Wojciech Żaneta Michał"),
           _words("Nowak Kowalski Wiśniewska Wójcik Łukasik Dąbrowski Żuraw Jabłońska"),
           ("Warszawa", "Kraków", "Łódź", "Gdańsk"), "+48", "", ("22", "12", "42"), 7),
    Region("Sweden", "SE", 4, _words("Åsa Björn Elsa Göran Maja Örjan Saga Lars"),
           _words("Andersson Johansson Sjöberg Ångström Lindqvist Öberg Nilsson Håkansson"),
           ("Stockholm", "Göteborg", "Malmö", "Umeå"), "+46", "0", ("8", "31", "40"), 7),
    Region("Brazil", "BR", 5, _words("João Ana Luís Beatriz Thaís Antônio Conceição Vinícius"),
           _words("Silva Santos Araújo Gonçalves Magalhães Pereira Assunção Costa"),
           ("São Paulo", "Rio de Janeiro", "Brasília", "Goiânia"), "+55", "0", ("11", "21", "61"), 8),
    Region("India", "IN", 6, _words("Aarav Diya Rohan Ananya Vikram Lakshmi Imran Neha"),
           _words("Sharma Patel Singh Reddy Krishnamurthy Iyer Khan Banerjee"),
           ("Mumbai", "Bengaluru", "Delhi", "Chennai"), "+91", "0", ("22", "80", "11"), 8),
    Region("Japan", "JP", 3, _words("健太=kenta 美咲=misaki 翔=sho さくら=sakura 陽菜=hina 大輔=daisuke"),
           _words("佐藤=sato 鈴木=suzuki 高橋=takahashi 田中=tanaka 渡辺=watanabe 小林=kobayashi"),
           ("東京", "大阪", "Yokohama", "札幌"), "+81", "0", ("3", "6", "45"), 8),
    Region("China", "CN", 2, _words("伟=wei 芳=fang 秀英=xiuying 磊=lei 洋=yang"),
           _words("王=wang 李=li 张=zhang 刘=liu 陈=chen"),
           ("上海", "北京", "Shenzhen"), "+86", "0", ("21", "10"), 8),
    Region("Ukraine", "UA", 1, _words("Олена=olena Андрій=andriy Наталія=nataliya Дмитро=dmytro"),
           _words("Шевченко=shevchenko Коваль=koval Бондаренко=bondarenko Мельник=melnyk"),
           ("Київ", "Львів", "Odesa"), "+380", "0", ("44", "32"), 7),
    Region("United Arab Emirates", "AE", 1, _words("محمد=mohammed فاطمة=fatima أحمد=ahmed Layla Omar"),
           _words("المنصوري=almansoori الهاشمي=alhashimi Haddad Nasser"),
           ("Dubai", "أبوظبي"), "+971", "0", ("4", "2"), 7),
)  # fmt: skip

STEMS = _words(
    "Alder Alpine Amber Anchor Arbor Atlas Aurora Beacon Birch Blue Bright Cedar Cinder Clear Cobalt "
    "Copper Coral Crest Delta Drift Ember Falcon Fern Field Flint Frost Garnet Glass Granite Grove "
    "Harbour Haven Hazel Heron Indigo Iron Ivory Jade Juniper Keystone Lake Larch Linden Lumen Maple "
    "Marble Meadow Meridian Mistral Moss Nordic Oak Ocean Onyx Opal Orchard Osprey Pearl Pine Polar "
    "Prairie Quartz Raven Red Ridge River Rowan Saffron Sage Silver Slate Solar Spruce Sterling Stone "
    "Summit Swift Tidal Timber Umber Valley Velvet Violet Vista Walnut Wave West Willow Winter Zephyr "
    "Zürich Élan São"
)
TRADES = (  # the word in a name, Salesforce's industry, HubSpot's
    ("Logistics", "Transportation", "LOGISTICS_AND_SUPPLY_CHAIN"),
    ("Software", "Technology", "COMPUTER_SOFTWARE"),
    ("Analytics", "Technology", "INFORMATION_TECHNOLOGY_AND_SERVICES"),
    ("Robotics", "Manufacturing", "COMPUTER_SOFTWARE"),
    ("Health", "Healthcare", "HOSPITAL_HEALTH_CARE"),
    ("Biotech", "Biotechnology", "BIOTECHNOLOGY"),
    ("Capital", "Finance", "FINANCIAL_SERVICES"),
    ("Bank", "Banking", "BANKING"),
    ("Bau", "Construction", "CONSTRUCTION"),
    ("Academy", "Education", "EDUCATION_MANAGEMENT"),
    ("Foods", "Food & Beverage", "CONSUMER_GOODS"),
    ("Retail", "Retail", "CONSUMER_GOODS"),
)
FORMS = {"US": "Inc.", "GB": "Ltd", "DE": "GmbH", "FR": "SAS", "ES": "S.L.", "IT": "S.r.l.",
         "PL": "Sp. z o.o.", "SE": "AB", "BR": "Ltda.", "IN": "Pvt. Ltd.", "JP": "K.K.",
         "CN": "Co., Ltd.", "UA": "LLC",
         "AE": "FZE"}  # fmt: skip
TITLES = (
    "CEO", "CTO", "CFO", "VP Sales", "Head of Operations", "Head of Marketing", "IT Director",
    "Sales Manager", "Marketing Manager", "Product Manager", "Software Engineer", "Data Analyst",
    "Office Manager", "Consultant", "Purchasing", "Student", "Geschäftsführer", "Responsable Achats",
    "head of growth ", "Sr. Mgr., Rev Ops",
)  # fmt: skip
MAIL_HOSTS = ("mail.example", "inbox.example", "post.example", "freemail.example")
SUBJECTS = (
    "Follow up", "Call back about pricing", "Send the proposal", "Prepare the demo",
    "Check the contract",
)  # fmt: skip
PRODUCTS = ("Starter", "Team plan", "Enterprise", "Pilot", "Renewal", "Expansion")
