"""The classes of the embedded dataset, chosen by hand: each is a list of emoji concepts.

A concept is one thing that many vendors draw. Labels joined by `=` are one concept, because their
drawings are near-duplicates or share parts. People are listed by their plain label, such as cook;
woman cook and man cook belong to it.
"""

CLASSES = {
    "mammal": (
        "gorilla|orangutan|poodle|wolf=fox|raccoon=badger=skunk|lion|tiger=leopard|moose=deer|"
        "donkey=horse=zebra|bison=ox=water buffalo=cow|pig=boar|ram=ewe=goat|camel=two-hump camel|"
        "llama|giraffe|elephant=mammoth|rhinoceros|hippopotamus|mouse=rat|rabbit|chipmunk|"
        "beaver=otter|hedgehog|bat|sloth|kangaroo|monkey|dog=guide dog=service dog|cat=black cat"
    ),
    "bird": (
        "turkey|chicken|rooster|hatching chick=baby chick=front-facing baby chick|bird=black bird|"
        "penguin|dove|eagle|duck|swan=goose|owl|dodo|flamingo|peacock|parrot|phoenix"
    ),
    "insect": (
        "butterfly|bug|ant|honeybee|beetle=lady beetle|cricket|cockroach|spider|scorpion|mosquito|"
        "fly|worm|snail"
    ),
    "sea animal": (
        "spouting whale=whale|dolphin|orca|seal|fish=tropical fish|blowfish|shark|octopus|"
        "jellyfish|crab|lobster|shrimp|squid|oyster|coral"
    ),
    "fruit": (
        "grapes|melon|watermelon|tangerine|lemon=lime|banana|pineapple|mango|"
        "red apple=green apple|pear|peach|cherries|strawberry|blueberries|kiwi fruit|tomato|"
        "coconut"
    ),
    "vegetable": (
        "avocado|eggplant|potato|carrot|ear of corn|hot pepper|bell pepper|cucumber|leafy green|"
        "broccoli|garlic|onion|peanuts|beans|chestnut|ginger root|pea pod|root vegetable"
    ),
    "meal": (
        "hamburger|french fries|pizza|hot dog|sandwich|taco|burrito|stuffed flatbread|"
        "shallow pan of food|pot of food|bowl with spoon|green salad|bento box|rice ball|"
        "cooked rice|curry rice|steaming bowl|spaghetti|sushi|oden|fondue|falafel|dumpling|"
        "takeout box"
    ),
    "dessert": (
        "soft ice cream=ice cream|shaved ice|doughnut|cookie|birthday cake|shortcake|cupcake|pie|"
        "chocolate bar|candy|lollipop|custard|honey pot|dango|moon cake"
    ),
    "drink": (
        "baby bottle|glass of milk|hot beverage|teapot|teacup without handle|sake|"
        "bottle with popping cork|wine glass|cocktail glass|tropical drink|"
        "beer mug=clinking beer mugs|tumbler glass=clinking glasses|cup with straw|bubble tea|"
        "beverage box|mate"
    ),
    "road vehicle": (
        "bus=oncoming bus|trolleybus|minibus|ambulance|fire engine|police car=oncoming police car|"
        "taxi=oncoming taxi|automobile=oncoming automobile|sport utility vehicle|pickup truck|"
        "delivery truck|articulated lorry|tractor|racing car|motorcycle|motor scooter|"
        "auto rickshaw|bicycle|kick scooter"
    ),
    "train": (
        "locomotive|railway car|high-speed train|bullet train|train|metro|light rail|station|tram|"
        "monorail|mountain railway|tram car|suspension railway"
    ),
    "building": (
        "stadium|classical building|hut|houses|derelict house|house=house with garden|"
        "office building|Japanese post office|post office|hospital|bank|hotel|love hotel|"
        "convenience store|school|department store|factory|Japanese castle|castle|wedding|church|"
        "mosque|hindu temple|synagogue|shinto shrine"
    ),
    "clothing": (
        "lab coat|safety vest|necktie|t-shirt|jeans|scarf|gloves|coat|socks|dress|kimono|sari|"
        "one-piece swimsuit|briefs|shorts|bikini|woman’s clothes|running shirt"
    ),
    "tool": (
        "hammer|axe|pick|carpentry saw|wrench|screwdriver|nut and bolt|gear|clamp|chains=link|"
        "hook|toolbox|magnet|ladder|shovel"
    ),
    "musical instrument": (
        "saxophone|trumpet|trombone|accordion|guitar|musical keyboard|violin|banjo|drum|long drum|"
        "maracas|flute|harp|postal horn|bell"
    ),
    "electronic device": (
        "mobile phone=mobile phone with arrow|telephone|pager|fax machine|laptop|desktop computer|"
        "printer|keyboard|computer mouse|trackball|television|camera=camera with flash|"
        "video camera|radio|joystick|video game|headphone|microphone=studio microphone|"
        "movie camera|film projector"
    ),
    "sports equipment": (
        "soccer ball|baseball=softball|basketball|volleyball|american football=rugby football|"
        "tennis|bowling|cricket game|field hockey=ice hockey|lacrosse|ping pong|badminton|"
        "boxing glove|goal net|fishing pole|diving mask|skis|sled|curling stone|flying disc"
    ),
    "flower": (
        "bouquet|cherry blossom|lotus|rosette|rose|wilted flower|hibiscus|sunflower|blossom|tulip|"
        "hyacinth|white flower"
    ),
    "plant": (
        "seedling|potted plant|evergreen tree|deciduous tree|palm tree|cactus|sheaf of rice|herb|"
        "shamrock=four leaf clover|maple leaf|fallen leaf|leaf fluttering in wind|leafless tree|"
        "Christmas tree|tanabata tree|pine decoration"
    ),
    "household item": (
        "door|mirror|window|bed|couch and lamp|chair|toilet|plunger|shower=bathtub|broom|basket|"
        "bucket|soap|toothbrush|sponge|lotion bottle|razor|candle|light bulb|"
        "fork and knife=fork and knife with plate"
    ),
    "document": (
        "notebook with decorative cover=notebook|closed book=green book=blue book=orange book|"
        "open book|books|ledger|page with curl=page facing up|scroll|newspaper|"
        "rolled-up newspaper|bookmark tabs|receipt|memo|calendar=tear-off calendar|"
        "spiral notepad=spiral calendar|clipboard|envelope=incoming envelope=envelope with arrow|"
        "chart increasing=chart decreasing|file folder=open file folder"
    ),
    "happy face": (
        "grinning face|grinning face with big eyes|grinning face with smiling eyes|"
        "beaming face with smiling eyes|grinning squinting face|face with tears of joy|"
        "slightly smiling face|winking face|smiling face with smiling eyes|smiling face with halo|"
        "smiling face with hearts|smiling face with heart-eyes|star-struck|face blowing a kiss|"
        "smiling face|face savoring food|face with tongue|smiling face with sunglasses|"
        "partying face"
    ),
    "sad face": (
        "confused face|worried face|slightly frowning face|frowning face|pleading face|"
        "frowning face with open mouth|anguished face|fearful face|anxious face with sweat|"
        "sad but relieved face|crying face|loudly crying face|confounded face|persevering face|"
        "disappointed face|downcast face with sweat|weary face|tired face"
    ),
    "hand": (
        "waving hand|raised back of hand|hand with fingers splayed|raised hand|vulcan salute|"
        "OK hand|pinched fingers|pinching hand|victory hand|crossed fingers|love-you gesture|"
        "sign of the horns|call me hand|backhand index pointing up|middle finger|"
        "thumbs up=thumbs down|raised fist|oncoming fist|clapping hands|handshake|folded hands|"
        "open hands"
    ),
    "worker": (
        "health worker|student|teacher|judge|farmer|cook|mechanic|factory worker|office worker|"
        "scientist|technologist|singer|artist|pilot|astronaut|firefighter|police officer|"
        "detective|guard|construction worker"
    ),
    "athlete": (
        "person fencing|skier|snowboarder|person golfing|person surfing|person rowing boat|"
        "person swimming|person bouncing ball|person lifting weights|person biking|"
        "person mountain biking|person cartwheeling|people wrestling|person playing water polo|"
        "person playing handball|person juggling|person running|person climbing"
    ),
    "fantasy character": (
        "superhero|supervillain|mage|fairy|vampire|merperson=merman=mermaid|elf|genie|zombie|"
        "Santa Claus=Mrs. Claus=Mx Claus|troll|dragon|unicorn|ghost|alien|robot|ogre|goblin"
    ),
    "body part": (
        "flexed biceps|mechanical arm|leg|foot|ear|nose|brain|anatomical heart|lungs|tooth|bone|"
        "eyes=eye|tongue|mouth"
    ),
    "landscape": (
        "snow-capped mountain|mountain|volcano|mount fuji|camping|beach with umbrella|desert|"
        "desert island|national park|night with stars|cityscape|sunrise over mountains|sunrise|"
        "cityscape at dusk|sunset|bridge at night|hot springs"
    ),
    "weather": (
        "sun=sun with face|cloud|sun behind cloud|cloud with lightning and rain|"
        "sun behind small cloud|sun behind large cloud|sun behind rain cloud|cloud with rain|"
        "cloud with snow|cloud with lightning|tornado|fog|wind face|cyclone|rainbow|snowflake"
    ),
    "toy": (
        "yo-yo|kite|water pistol|pool 8 ball|game die|puzzle piece|teddy bear|piñata|"
        "nesting dolls|balloon|slot machine|crystal ball|Japanese dolls"
    ),
}


def concept_of(label: str) -> str:
    """The concept of a label, for any person and any direction they face."""
    plain = label.split(":")[0]
    for who in ("woman ", "man ", "women ", "men ", "person ", "people "):
        plain = plain.removeprefix(who)
    return plain


def concepts(name: str) -> list[frozenset[str]]:
    """The concepts of a class, each a set of labels that are drawn alike."""
    return [
        frozenset(concept_of(label) for label in entry.split("="))
        for entry in CLASSES[name].split("|")
    ]
