"""Ordinary talk in six languages, by grammar: what colleagues, friends and families write to each other all day.

`[a|b]` is a choice, and choices nest; `{slot}` is filled from a table. Nothing here is anybody's business, however near it
comes to what is: people ask for addresses and door codes, curse printers, swear at friends, pay rents, reset passwords.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator

Chance = random.Random

_ENGLISH = """
[hi|hey|hello|morning|yo] {name}[|!|, how are you?|, got a minute?|, all good?]
[did|have] you [see|read|get] [the mail|the memo|the minutes|the note] [about|on] {topic}?
can you [have a look at|review|check|sign off] {file} [before {time}|today|when you have a minute|by {day}]?
I [put|saved|uploaded] {file} [on the share|in the folder|to the wiki|in the ticket]
the [meeting|call|stand-up|workshop] [moved|got pushed|is now] to {time}[| on {day}|, room {n}]
[sorry|apologies], I'm [stuck in traffic|on the train|at the dentist|in another meeting|late], [back|there] [at {time}|in {n} minutes]
[lunch|coffee|a beer|a walk] [at {time}|later|today]? [the usual place|the Thai around the corner|canteen|your choice]
[what|how much] did the [hotel|flight|taxi|dinner] cost? [mine was|I paid] {price}
the [printer|projector|coffee machine|lift|copier] on floor {n} is [broken|dead|jammed|on strike] again
I [fucking|bloody|really] hate this [printer|software|spreadsheet|weather|train line]
[damn|shit|crap|bugger], I [missed|forgot] the [bus|deadline|call|cake]
that [driver|referee|landlord|salesman] was [such an idiot|a complete muppet|so rude]
you [lucky bastard|old git|cheeky monkey], [enjoy|have fun in] [Rome|Malta|the snow|your week off]
[haha|lol|lmao] you're [an idiot|mad|impossible|the worst|so mean] [:)|haha|xx|lol]
[my password|my account|the certificate] [expired|is locked|needs renewing] [again|since {day}|and the hotline is busy]
IT [says|wants|told us] [to reboot|we must change our passwords by {day}|to update the VPN client|not to open attachments]
[where|how] do I [change|reset] [my password|the voicemail PIN|my signature]?
[what's|do you know] the [wifi password|guest wifi key|code for the meeting room|door code for floor {n}]?
the [alarm|door|gate|bike shed] code is {digits4}, [don't tell the kids|same as last year|hash at the end]
please [confirm|send me] your [address|phone number|t-shirt size|shoe size|arrival time|order] [by {day}|today|for the list]
[I'll|can you] [send|transfer|wire] [the rent|the deposit|your share|{price}] [tomorrow|on {day}|to the landlord|to {name}]
invoice {order} [is|was] [paid|overdue|due on {date}], [{price}|amount {price}]
order {order} [shipped|arrived|is delayed|was cancelled]; [tracking|parcel number] {track}
[ticket|case|incident] {order} [is closed|needs your input|is waiting for the vendor]
call me [on|at] {phone} [after {time}|when you're free|about {topic}]
[check|look at|read|see] {link}[| when you have time|, page {n}|, nice article]
[we|the team|support] [deployed|rolled back|tested] version {version} [on|to] {host}[|, {n} warnings]
[ping|ssh|traceroute] to {ip} [times out|works again|takes {n} ms]
commit {hex} [broke|fixed] the [build|tests|login page]
the log says error 0x{hex8} at {time}, [any idea|seen that before]?
we [won|lost] {n}:{n}, [what a game|the keeper was awful|penalty in the last minute]
[our|the] [defence|striker|goalie] [killed us|was asleep|saved the day] [yesterday|on {day}]
[my mother-in-law|{name}|the neighbour] [makes|made] the best [lasagne|goulash|paella|apple pie]
[take|use] {n} [eggs|spoons of flour|cloves of garlic], [bake|simmer] for {n} minutes
[the kids|my daughter|our son] [have|has] a [fever|recital|match|test] on {day}
[happy birthday|congratulations|well done|get well soon] {name}[!|!!!| :-)|, have a great day]
[I'm|we're] [dying|starving|freezing|melting] [here|in this office|over here]
this [heat|meeting|diet|homework] [will|is going to] [kill|finish] me
{name} [will|is going to] kill me if I [forget the milk|miss this|am late again]
I'd [kill|murder] for a [pizza|nap|holiday|cigarette]
[shoot|kick|nudge] me [a mail|if I forget]
[who|which of you] [took|ate|moved] my [yoghurt|stapler|chair|charger]?
[free|cheap] [parking|tickets|cookies|pizza] [in the kitchen|at the gate|for {day}], [first come first served|hurry]
[did you|you] [won the raffle|win at cards]? [congrats|no way|lucky you]
have you seen [the pictures|my photos] [of|from] [the party|Lisbon|the baby|the offsite]? {link}
[is|was] that you [in the red car|on the bike|at the station] [this morning|yesterday]?
[the doctor|dentist|vet] [can see me|has a slot] at {time} [on {day}|tomorrow]
[the flat|the house|the office] [is|has] {n} square metres[, {price} a month| and no lift]
flight {flight} [leaves|lands|boards] at {time}, [gate|seat] {n}, booking {booking}
[don't|please don't] [worry|forget the keys|tell {name}, it's a surprise|wait for me]
[keep this between us|between you and me]: the cake is [from the shop|bought|{name}'s]
[urgent|asap|quick]: [the customer|{name}|the bank] [called|wants] [about {topic}|an answer|the figures by {time}]
[could|can] you [give me access to|add me to|share] [the repo|the folder|the calendar|the board]?
[install|update|download] [the new client|TeamViewer on dad's laptop|the app], [it's faster|then restart]
I [helped|showed] [mum|grandpa] [to install|how to use] [AnyDesk|Skype|the scanner app]
[the CEO|my boss|our director|{name} from HR] [is on holiday|liked the slides|is coming on {day}]
[buy|get] [a gift card|flowers|chocolate] for {name}, [I'll pay you back|it's her birthday|my treat]
the [candidate|new guy|intern] [starts|called in sick] on {day}
[I love you|miss you|kisses|hugs], [see you tonight|call you later|sleep well]
[ok|okay|yep|nope|sure|thanks|thx|np|cool|right|great|fine|wow|hmm|brb|lol|+1|done]
[see you|talk|bye|cheers], {name}[|!| x]
[what|how] [about|is it going with] {topic}?
the [budget|forecast|estimate] [is|was] [{price}|{n} percent over|fine]
serial number {digits12}, [model|part] {digits4}-{n}
[her|his|my] new number is {phone}, [save it|please note]
[size|colour|quantity] {n}, [item|article] {digits8}, [in stock|sold out]
[do you want|need] [anything|milk|bread] from the [shop|bakery|market]?
[gonna|going to] [bed|the gym|the dentist], [ttyl|see you tomorrow]
[nobody|no one] [likes|wants] [mondays|the old desk|to do the minutes]
these [immigrants|immigration] figures [are|were] [in the report|on the news] [today|on {day}]
[we|they] [visited|saw] the [jewish museum|mosque|gay pride parade] [in|at] [Berlin|Cordoba|town]
I [want|need] to [see|visit|call] you [on {day}|soon|before you fly]
the film was [sexy|violent|too long|about a killer], [skip it|loved it]
where do you live [now|again]? I'll send [the invitation|a postcard]
[the attack|the shot|the kill] [in round {n}|on level {n}] was [epic|lucky], [rematch|one more]?
"""

_GERMAN = """
[hallo|hi|moin|servus|guten Morgen] {name}[|!|, wie geht's?|, kurz Zeit?|, alles gut?]
hast du [die Mail|das Protokoll|die Notiz] [zu|wegen] {topic} [gesehen|gelesen|bekommen]?
kannst du {file} [bis {time}|heute|bis {day}|mal eben] [anschauen|prüfen|freigeben]?
ich habe {file} [aufs Laufwerk|ins Wiki|in den Ordner|ins Ticket] gelegt
die [Besprechung|Telko|Schulung] [ist jetzt|wurde verschoben auf] {time}[| am {day}|, Raum {n}]
[sorry|tut mir leid], [stehe im Stau|sitze im Zug|bin beim Zahnarzt|bin noch im Termin], [bin um {time} da|in {n} Minuten]
[Mittag|Kaffee|Feierabendbier] [um {time}|später|heute]? [Kantine|beim Italiener|wie immer|such du aus]
was hat [das Hotel|der Flug|das Taxi] gekostet? [ich habe|bei mir waren es] {price}
der [Drucker|Beamer|Aufzug|Kaffeeautomat] im {n}. Stock [streikt|ist kaputt|spinnt] [wieder|schon wieder|seit {day}]
so ein [Scheiß|Mist|Dreck], [Zug verpasst|der Rechner hängt|alles nass geworden]
[dieser Idiot|der Trottel|so ein Depp] [von Nachbar|auf der Autobahn|vom Kundendienst] [hat mich geschnitten|parkt immer vor der Tür]
du [Glückspilz|alter Sack|Schlawiner], [viel Spaß in|genieß] [Rom|Wien|den Urlaub]
[haha|lol] du bist [unmöglich|ein Spinner|doof|bekloppt] [:)|haha|lol|;-)]
mein [Passwort|Konto|Zertifikat] ist [abgelaufen|gesperrt], [die Hotline ist besetzt|seit {day}|schon wieder]
die IT [sagt|will], [wir sollen neu starten|alle müssen ihr Passwort bis {day} ändern|keine Anhänge öffnen]
wo [ändere|setze] ich [mein Passwort|die PIN der Mailbox|meine Signatur] [neu|um]?
wie ist [das WLAN-Passwort|der Code für den Raum|der Türcode im {n}. Stock]?
der Code [vom Tor|der Alarmanlage|vom Fahrradkeller] ist {digits4}, [wie letztes Jahr|Raute am Ende]
[bitte|kannst du] [deine Adresse|deine Nummer|deine Größe|die Ankunftszeit] [bis {day}|heute|für die Liste] [schicken|bestätigen]
ich [überweise|schicke] [die Miete|die Kaution|deinen Anteil|die {price}] [morgen|am {day}|an {name}]
Rechnung {order} [ist bezahlt|ist überfällig|ist am {date} fällig], [{price}|Betrag {price}]
Bestellung {order} ist [da|unterwegs|storniert]; [Sendung|Paketnummer] {track}
[Ticket|Vorgang|Fall] {order} ist [zu|offen|beim Hersteller]
ruf mich [an unter|zurück auf] {phone}[, nach {time}|, wegen {topic}|]
[schau mal|lies mal|siehe] {link}[|, Seite {n}|, guter Artikel]
[wir haben|das Team hat] Version {version} auf {host} [eingespielt|getestet|zurückgerollt]
{ip} [antwortet nicht|geht wieder|braucht {n} ms]
Commit {hex} hat [den Build|die Tests|die Anmeldung] [kaputt gemacht|repariert]
im Log steht Fehler 0x{hex8} um {time}, [kennst du das|eine Idee]?
[gewonnen|verloren] {n}:{n}, [was für ein Spiel|der Torwart war blind|Elfmeter in der letzten Minute]
[meine Schwiegermutter|{name}|Oma] macht [den besten Strudel|das beste Gulasch|die beste Lasagne]
[nimm|dazu] {n} [Eier|Löffel Mehl|Zehen Knoblauch], {n} Minuten [backen|köcheln]
[die Kinder haben|unser Sohn hat|die Kleine hat] [Fieber|Training|eine Prüfung|Konzert] am {day}
[alles Gute|herzlichen Glückwunsch|gute Besserung] {name}[!|!!!| :-)]
[ich sterbe|wir verhungern|ich erfriere] [hier|im Büro|gleich]
[die Hitze|dieses Meeting|die Diät|das Knie] bringt mich [noch um|um]
{name} bringt mich um, wenn ich [die Milch vergesse|wieder zu spät komme]
für [ein Bier|eine Pizza|ein Nickerchen] würde ich [töten|morden]
wer hat [meinen Joghurt|meinen Tacker|mein Ladekabel] [gegessen|genommen|gesehen]?
[gratis|billige] [Kekse|Karten|Pizza] [in der Küche|für {day}|am Empfang]
hast du [beim Kartenspielen|im Lotto|die Tombola] gewonnen? [Glückwunsch|gibt's nicht]
hast du [die Fotos|meine Bilder] [von der Feier|aus Lissabon|vom Baby] gesehen? {link}
warst du das [im roten Auto|auf dem Rad|am Bahnhof] [heute früh|gestern]?
der [Arzt|Zahnarzt|Tierarzt] hat um {time} [einen Termin|Zeit] [am {day}|morgen]
die [Wohnung|Halle] hat {n} Quadratmeter[, {price} kalt| ohne Aufzug]
Flug {flight} [geht|landet] um {time}, [Platz|Gate] {n}, Buchung {booking}
[vergiss die Schlüssel nicht|sag {name} nichts, Überraschung|warte nicht auf mich|mach dir keine Sorgen]
bleibt unter uns: der Kuchen ist [gekauft|von {name}|vom Bäcker]
[dringend|eilt|schnell]: [der Kunde|{name}|die Bank] [hat angerufen|braucht die Zahlen bis {time}|fragt wegen {topic}]
kannst du mir [Zugriff auf den Ordner|den Kalender|Rechte im Repo] geben?
[installier|lade] [das Update|TeamViewer bei Papa|die App], [geht schneller|dann neu starten]
[der Chef|die Geschäftsführung|{name} von der Buchhaltung] [ist im Urlaub|mochte die Folien|kommt am {day}]
wir schenken {name} [einen Gutschein|Blumen|Schokolade], [gibst du was dazu|ich lege es aus]
[hab dich lieb|vermisse dich|Küsschen], [bis heute Abend|schlaf gut|bis später]
[ok|ja|nein|klar|danke|passt|super|genau|stimmt|hm|jo|lg|mfg|bis gleich|erledigt]
[wie läuft's mit|was ist mit] {topic}?
das Budget [liegt bei {price}|ist {n} Prozent drüber|passt]
Seriennummer {digits12}, [Modell|Teil] {digits4}-{n}
[ihre|seine|meine] neue Nummer ist {phone}[|, bitte notieren]
Artikel {digits8}, [Größe|Menge] {n}, [lieferbar|ausverkauft]
brauchst du [was|Milch|Brot] vom [Bäcker|Markt|Laden]?
[niemand|keiner] [mag Montage|will das Protokoll schreiben|braucht zwei Drucker]
die Zahlen zu [Ausländern|Flüchtlingen] stehen [im Bericht|in der Zeitung] [vom {day}|heute]
wir waren [im jüdischen Museum|in der Moschee|auf dem CSD] [in Berlin|in Köln]
ich will dich [am {day}|bald|vor dem Flug] [sehen|anrufen|besuchen]
geile [Party|Idee|Strecke|Torte] [gestern|von {name}|, Respekt]
wo wohnst du [jetzt|nochmal]? ich schicke [die Einladung|eine Karte]
in Runde {n} mach ich dich [fertig|platt], [Revanche|noch eine Partie]?
"""

_FRENCH = """
[salut|bonjour|coucou|hello] {name}[|!|, ça va ?|, t'as une minute ?|, bien dormi ?]
tu as [vu|lu|reçu] [le mail|le compte rendu|la note] sur {topic} ?
tu peux [regarder|relire|valider] {file} [avant {time}|aujourd'hui|d'ici {day}] ?
j'ai [mis|déposé] {file} [sur le partage|dans le dossier|sur le wiki|dans le ticket]
la [réunion|visio|formation] [est décalée|passe] à {time}[| {day}|, salle {n}]
[désolé|pardon], je suis [dans les bouchons|dans le train|chez le dentiste|en réunion], [là à {time}|j'arrive dans {n} minutes]
[on déjeune|un café|une bière|on marche] [à {time}|plus tard|aujourd'hui] ? [la cantine|le Thaï|comme d'hab|tu choisis]
combien [l'hôtel|le vol|le taxi] ? [moi j'ai payé|pour moi] {price}
[l'imprimante|l'ascenseur|la machine à café|le projecteur] du {n}e est [en panne|mort|bloqué] [encore|depuis {day}]
[putain|merde|zut|mince], [j'ai raté le bus|j'ai oublié le gâteau|il pleut encore|ça plante]
quel [con|abruti|imbécile], ce [chauffeur|voisin|vendeur], il [m'a coupé la route|se gare devant ma porte]
[espèce de veinard|sacré toi|vieux fou], [profite de|amuse-toi à] [Rome|la plage|tes vacances]
[mdr|haha|lol] t'es [un idiot|fou|bête|insupportable] [:)|mdr|haha|xx]
mon [mot de passe|compte|certificat] [a expiré|est bloqué], [le support ne répond pas|depuis {day}|encore]
[l'informatique|la DSI] dit [de redémarrer|de changer nos mots de passe avant {day}|de ne pas ouvrir les pièces jointes]
comment je [change|réinitialise] [mon mot de passe|le code du répondeur|ma signature] ?
c'est quoi [le code wifi|le mot de passe du wifi|le code de la porte au {n}e|le digicode] ?
le code [du portail|de l'alarme|du local vélo] c'est {digits4}, [comme avant|avec dièse à la fin]
[confirme|envoie-moi|donne-moi] [ton adresse|ton numéro|ta taille|ton heure d'arrivée] [avant {day}|stp|pour la liste]
je [vire|paie|rembourse] [le loyer|la caution|ta part|les {price}] [demain|{day}|à {name}]
la facture {order} est [payée|en retard|à régler avant le {date}], [{price}|montant {price}]
commande {order} [expédiée|livrée|annulée] ; [suivi|colis] {track}
le [ticket|dossier|cas] {order} est [clos|ouvert|chez le fournisseur]
appelle-moi au {phone}[| après {time}| pour {topic}]
[regarde|lis|va voir] {link}[|, page {n}|, bel article]
on a [déployé|testé|retiré] la version {version} sur {host}
{ip} [ne répond plus|remarche|met {n} ms]
le commit {hex} a [cassé|réparé] [le build|les tests|la connexion]
le journal dit erreur 0x{hex8} à {time}, [une idée|tu connais] ?
on a [gagné|perdu] {n} à {n}, [quel match|le gardien dormait|penalty à la dernière minute]
[ma belle-mère|{name}|mamie] fait [la meilleure tarte|le meilleur couscous|un gratin d'enfer]
[mets|ajoute] {n} [œufs|cuillères de farine|gousses d'ail], {n} minutes [au four|à feu doux]
[les enfants ont|ma fille a|le petit a] [de la fièvre|un match|un contrôle] {day}
[bon anniversaire|félicitations|bon courage|bon rétablissement] {name}[ !| !!!| :-)]
[je meurs|on crève] [de faim|de froid|de chaud] [ici|au bureau]
[cette chaleur|cette réunion|ce régime] va me tuer
{name} va me tuer si [j'oublie le lait|je suis encore en retard]
je tuerais pour [une pizza|une sieste|des vacances]
qui a [mangé mon yaourt|pris mon agrafeuse|vu mon chargeur] ?
[gâteaux|places|pizza] gratuits [à la cuisine|pour {day}|à l'accueil]
tu as gagné [à la tombola|aux cartes] ? [bravo|pas possible]
tu as vu [les photos|mes photos] [de la fête|de Lisbonne|du bébé] ? {link}
c'était toi [dans la voiture rouge|à vélo|à la gare] [ce matin|hier] ?
le [médecin|dentiste|véto] me prend à {time} [{day}|demain]
l'appart fait {n} mètres carrés[, {price} par mois| sans ascenseur]
vol {flight} [part|arrive] à {time}, [place|porte] {n}, réservation {booking}
[n'oublie pas les clés|ne dis rien à {name}, surprise|ne m'attends pas|t'inquiète]
ça reste entre nous : le gâteau vient [du supermarché|de chez {name}]
[urgent|vite] : [le client|{name}|la banque] [a appelé|veut les chiffres à {time}|demande pour {topic}]
tu peux me donner accès [au dossier|au dépôt|à l'agenda] ?
[installe|télécharge] [la mise à jour|TeamViewer chez papa|l'appli], [ça va plus vite|puis redémarre]
[le patron|la direction|{name} de la compta] [est en congés|a aimé les diapos|passe {day}]
on offre [une carte cadeau|des fleurs|du chocolat] à {name}, [tu participes|j'avance]
[je t'aime|tu me manques|bisous], [à ce soir|dors bien|à plus]
[ok|oui|non|merci|d'acc|super|voilà|exact|hm|mdr|à tout|de rien|fait]
[ça avance|où en est-on avec] {topic} ?
le budget est [de {price}|dépassé de {n} pour cent|bon]
numéro de série {digits12}, [modèle|pièce] {digits4}-{n}
[son|mon] nouveau numéro : {phone}[|, note-le]
article {digits8}, [taille|quantité] {n}, [en stock|épuisé]
tu veux [quelque chose|du lait|du pain] [du marché|de la boulangerie] ?
personne [n'aime le lundi|ne veut faire le compte rendu]
les chiffres sur [l'immigration|les étrangers|les réfugiés] sont [dans le rapport|au journal] [de {day}|ce soir]
on a visité [le musée juif|la mosquée|la marche des fiertés] [à Paris|à Lyon]
j'ai envie de te [voir|parler|rendre visite] [{day}|bientôt|avant ton vol]
tu habites où [maintenant|déjà] ? j'envoie [l'invitation|une carte]
au tour {n} je vais te [battre|massacrer aux échecs], [la revanche|encore une] ?
"""

_SPANISH = """
[hola|buenas|buenos días|qué tal] {name}[|!|, ¿cómo estás?|, ¿tienes un minuto?|, ¿todo bien?]
¿[has visto|leíste|te llegó] [el correo|el acta|la nota] [de|sobre] {topic}?
¿puedes [mirar|revisar|firmar] {file} [antes de las {time}|hoy|para el {day}]?
he [dejado|subido|puesto] {file} [en la carpeta|en la wiki|en el tique]
la [reunión|llamada|formación] [pasa|se movió] a las {time}[| del {day}|, sala {n}]
[perdona|lo siento], estoy [en un atasco|en el tren|en el dentista|reunido], [llego a las {time}|en {n} minutos]
¿[comemos|un café|una caña] [a las {time}|luego|hoy]? [el menú de siempre|la cantina|tú eliges]
¿cuánto costó [el hotel|el vuelo|el taxi]? [yo pagué|el mío] {price}
[la impresora|el ascensor|la cafetera|el proyector] de la planta {n} está [rota|muerto|atascada] [otra vez|desde el {day}]
[joder|mierda|hostia|vaya], [perdí el bus|olvidé la tarta|se ha colgado|llueve otra vez]
qué [idiota|imbécil|cabrón] el [conductor|vecino|árbitro], [se me cruzó|aparca siempre en la puerta]
[qué suerte tienes, cabrón|qué envidia|vaya vida], [disfruta de|pásalo bien en] [Roma|la playa|tus vacaciones]
[jaja|jajaja|lol] eres [tonto|idiota|lo peor|imposible] [:)|jaja|jajaja|;)]
mi [contraseña|cuenta|certificado] [ha caducado|está bloqueada], [soporte no contesta|desde el {day}|otra vez]
[informática|sistemas] dice que [reiniciemos|cambiemos la contraseña antes del {day}|no abramos adjuntos]
¿cómo [cambio|reinicio] [mi contraseña|el pin del buzón de voz|mi firma]?
¿cuál es [la clave del wifi|la contraseña del wifi|el código de la puerta de la planta {n}]?
el código [de la verja|de la alarma|del garaje] es {digits4}, [como siempre|almohadilla al final]
[confirma|mándame|pásame] [tu dirección|tu número|tu talla|tu hora de llegada] [antes del {day}|porfa|para la lista]
[te paso|pago|transfiero] [el alquiler|la fianza|tu parte|los {price}] [mañana|el {day}|a {name}]
la factura {order} está [pagada|vencida|pendiente hasta el {date}], [{price}|importe {price}]
pedido {order} [enviado|entregado|cancelado]; [seguimiento|paquete] {track}
el [tique|caso|expediente] {order} está [cerrado|abierto|con el proveedor]
llámame al {phone}[| después de las {time}| por lo de {topic}]
[mira|lee|échale un ojo a] {link}[|, página {n}|, buen artículo]
hemos [desplegado|probado|quitado] la versión {version} en {host}
{ip} [no responde|ya funciona|tarda {n} ms]
el commit {hex} [rompió|arregló] [la compilación|las pruebas|el acceso]
el log dice error 0x{hex8} a las {time}, ¿[te suena|alguna idea]?
[ganamos|perdimos] {n} a {n}, [qué partido|el portero dormía|penalti en el último minuto]
[mi suegra|{name}|la abuela] hace [la mejor tortilla|el mejor cocido|una paella increíble]
[pon|añade] {n} [huevos|cucharadas de harina|dientes de ajo], {n} minutos [al horno|a fuego lento]
[los niños tienen|mi hija tiene|el peque tiene] [fiebre|partido|examen] el {day}
[feliz cumpleaños|enhorabuena|que te mejores|ánimo] {name}[!|!!!| :-)]
[me muero|nos morimos] de [hambre|frío|calor|risa] [aquí|en la oficina]
[este calor|esta reunión|la dieta] me va a matar
{name} me mata si [olvido la leche|llego tarde otra vez]
mataría por [una pizza|una siesta|unas vacaciones]
¿quién [se comió mi yogur|cogió mi grapadora|ha visto mi cargador]?
[galletas|entradas|pizza] gratis [en la cocina|para el {day}|en recepción]
¿ganaste [la rifa|a las cartas|al mus]? [enhorabuena|no me digas]
¿has visto [las fotos|mis fotos] [de la fiesta|de Lisboa|del bebé]? {link}
¿eras tú [en el coche rojo|en la bici|en la estación] [esta mañana|ayer]?
el [médico|dentista|veterinario] me da cita a las {time} [el {day}|mañana]
el piso tiene {n} metros[, {price} al mes| sin ascensor]
el vuelo {flight} [sale|llega] a las {time}, [asiento|puerta] {n}, reserva {booking}
[no olvides las llaves|no le digas nada a {name}, es sorpresa|no me esperes|no te preocupes]
que quede entre nosotros: la tarta es [comprada|de {name}]
[urgente|rápido]: [el cliente|{name}|el banco] [ha llamado|quiere las cifras a las {time}|pregunta por {topic}]
¿me das acceso [a la carpeta|al repositorio|al calendario]?
[instala|descarga] [la actualización|TeamViewer a papá|la app], [va más rápido|y reinicia]
[el jefe|la dirección|{name} de contabilidad] [está de vacaciones|vio las diapositivas|viene el {day}]
le regalamos [una tarjeta regalo|flores|bombones] a {name}, [¿te apuntas|yo lo pago]
[te quiero|te echo de menos|besos], [hasta la noche|duerme bien|luego hablamos]
[ok|sí|no|vale|gracias|genial|claro|hecho|hm|jaja|de nada|hasta luego]
¿[cómo va|qué hay de] {topic}?
el presupuesto [es de {price}|se pasa un {n} por ciento|cuadra]
número de serie {digits12}, [modelo|pieza] {digits4}-{n}
[su|mi] número nuevo es {phone}[|, apúntalo]
artículo {digits8}, [talla|cantidad] {n}, [en stock|agotado]
¿quieres [algo|leche|pan] [del mercado|de la panadería]?
a nadie [le gustan los lunes|le apetece el acta]
las cifras de [inmigración|extranjeros|refugiados] están [en el informe|en las noticias] [del {day}|de hoy]
visitamos [el museo judío|la mezquita|el desfile del orgullo] [en Toledo|en Córdoba]
quiero [verte|llamarte|visitarte] [el {day}|pronto|antes del vuelo]
¿dónde vives [ahora|al final]? te mando [la invitación|una postal]
en la ronda {n} te voy a [ganar|machacar al ajedrez], ¿[revancha|otra]?
"""

_PORTUGUESE = """
[olá|oi|bom dia|boa tarde] {name}[|!|, tudo bem?|, tens um minuto?|, como vai?]
[viste|leste|recebeu] [o email|a ata|a nota] sobre {topic}?
[podes|pode] [ver|rever|assinar] {file} [antes das {time}|hoje|até {day}]?
[pus|deixei|coloquei] {file} [na pasta|na wiki|no ticket]
a [reunião|chamada|formação] [passou|mudou] para as {time}[| de {day}|, sala {n}]
[desculpa|desculpe], estou [no trânsito|no comboio|no dentista|em reunião], [chego às {time}|daqui a {n} minutos]
[almoço|um café|uma cerveja] [às {time}|logo|hoje]? [na cantina|no sítio do costume|escolhe tu]
quanto custou [o hotel|o voo|o táxi]? [eu paguei|o meu foi] {price}
[a impressora|o elevador|a máquina de café|o projetor] do piso {n} está [avariado|morta|encravada] [outra vez|desde {day}]
[merda|porra|caramba|droga], [perdi o autocarro|esqueci o bolo|travou tudo|chove outra vez]
que [idiota|imbecil|burro] o [motorista|vizinho|árbitro], [cortou-me a estrada|estaciona sempre à porta]
[que sorte, sacana|que inveja], [aproveita|diverte-te em] [Roma|a praia|as férias]
[kkk|haha|rsrs] és [um idiota|doido|tonto|impossível] [:)|kkk|haha|rsrs]
a minha [senha|conta|palavra-passe] [expirou|está bloqueada], [o suporte não atende|desde {day}|outra vez]
a informática diz para [reiniciar|mudarmos a senha até {day}|não abrir anexos]
como [mudo|recupero] [a minha senha|o pin do correio de voz|a assinatura]?
qual é [a senha do wifi|o código da porta do piso {n}|a senha da rede]?
o código [do portão|do alarme|da garagem] é {digits4}, [como sempre|cardinal no fim]
[confirma|manda-me|me passa] [a tua morada|o teu número|o teu tamanho|a hora de chegada] [até {day}|por favor|para a lista]
[pago|transfiro|envio] [a renda|a caução|a tua parte|os {price}] [amanhã|{day}|à {name}]
a fatura {order} está [paga|vencida|por pagar até {date}], [{price}|valor {price}]
encomenda {order} [enviada|entregue|cancelada]; [rastreio|volume] {track}
o [ticket|caso|processo] {order} está [fechado|aberto|com o fornecedor]
liga-me para o {phone}[| depois das {time}| por causa de {topic}]
[olha|lê|vê] {link}[|, página {n}|, bom artigo]
[instalámos|testámos|retirámos] a versão {version} em {host}
{ip} [não responde|já funciona|demora {n} ms]
o commit {hex} [partiu|corrigiu] [a compilação|os testes|o login]
o log diz erro 0x{hex8} às {time}, [alguma ideia|conheces]?
[ganhámos|perdemos] {n} a {n}, [que jogo|o guarda-redes dormia|penálti no último minuto]
[a minha sogra|{name}|a avó] faz [o melhor bacalhau|a melhor feijoada|um bolo incrível]
[põe|junta] {n} [ovos|colheres de farinha|dentes de alho], {n} minutos [no forno|em lume brando]
[os miúdos têm|a minha filha tem|o pequeno tem] [febre|jogo|teste] {day}
[parabéns|feliz aniversário|as melhoras|força] {name}[!|!!!| :-)]
[morro|estou a morrer] de [fome|frio|calor|rir] [aqui|no escritório]
[este calor|esta reunião|a dieta] vai matar-me
{name} mata-me se [esquecer o leite|chegar tarde outra vez]
[matava|eu matava] por [uma pizza|uma sesta|umas férias]
quem [comeu o meu iogurte|levou o meu agrafador|viu o meu carregador]?
[bolachas|bilhetes|pizza] grátis [na cozinha|para {day}|na receção]
ganhaste [a rifa|às cartas]? [parabéns|não acredito]
viste [as fotos|as minhas fotos] [da festa|de Lisboa|do bebé]? {link}
eras tu [no carro vermelho|na bicicleta|na estação] [hoje|ontem]?
o [médico|dentista|veterinário] tem vaga às {time} [{day}|amanhã]
o apartamento tem {n} metros[, {price} por mês| sem elevador]
o voo {flight} [sai|chega] às {time}, [lugar|porta] {n}, reserva {booking}
[não esqueças as chaves|não digas nada à {name}, é surpresa|não esperes por mim|não te preocupes]
fica entre nós: o bolo é [comprado|da {name}]
[urgente|rápido]: [o cliente|{name}|o banco] [ligou|quer os números às {time}|pergunta por {topic}]
[dás-me|me dá] acesso [à pasta|ao repositório|ao calendário]?
[instala|baixa] [a atualização|o TeamViewer ao pai|o app], [é mais rápido|e reinicia]
[o chefe|a direção|{name} da contabilidade] [está de férias|gostou dos slides|vem {day}]
damos [um cartão presente|flores|chocolates] à {name}, [entras|eu pago]
[amo-te|saudades|beijos], [até logo|dorme bem|já falamos]
[ok|sim|não|obrigado|beleza|fixe|claro|feito|hm|kkk|de nada|até já]
[como vai|e então] {topic}?
o orçamento [é de {price}|passou {n} por cento|está bem]
número de série {digits12}, [modelo|peça] {digits4}-{n}
o [seu|meu] número novo é {phone}[|, anota]
artigo {digits8}, [tamanho|quantidade] {n}, [em stock|esgotado]
queres [alguma coisa|leite|pão] [do mercado|da padaria]?
ninguém [gosta de segundas|quer fazer a ata]
os números da [imigração|dos estrangeiros|dos refugiados] estão [no relatório|nas notícias] de {day}
visitámos [o museu judaico|a mesquita|a marcha do orgulho] em [Lisboa|Faro]
quero [ver-te|ligar-te|visitar-te] [{day}|em breve|antes do voo]
onde moras [agora|mesmo]? mando [o convite|um postal]
na ronda {n} vou [ganhar-te|dar cabo de ti no xadrez], [desforra|mais uma]?
"""

_ITALIAN = """
[ciao|salve|buongiorno|ehi] {name}[|!|, come stai?|, hai un minuto?|, tutto bene?]
hai [visto|letto|ricevuto] [la mail|il verbale|la nota] su {topic}?
puoi [guardare|rivedere|firmare] {file} [prima delle {time}|oggi|entro {day}]?
ho [messo|caricato|salvato] {file} [nella cartella|sul wiki|nel ticket]
la [riunione|chiamata|formazione] [è spostata|passa] alle {time}[| di {day}|, sala {n}]
[scusa|mi dispiace], sono [nel traffico|in treno|dal dentista|in riunione], [arrivo alle {time}|tra {n} minuti]
[pranzo|un caffè|una birra] [alle {time}|dopo|oggi]? [in mensa|il solito posto|scegli tu]
quanto è costato [l'albergo|il volo|il taxi]? [io ho pagato|il mio] {price}
[la stampante|l'ascensore|la macchinetta|il proiettore] al piano {n} è [rotta|morto|bloccata] [di nuovo|da {day}]
[cazzo|merda|accidenti|porca miseria], [ho perso il bus|ho dimenticato la torta|si è piantato tutto|piove ancora]
che [idiota|cretino|stronzo] quell'[autista|arbitro|amministratore], [mi ha tagliato la strada|parcheggia sempre davanti]
[che fortuna, bastardo|beato te|che invidia], [goditi|divertiti a] [Roma|il mare|le ferie]
[ahah|ahahah|lol] sei [scemo|un idiota|matto|impossibile] [:)|ahah|ahahah|;)]
la mia [password|carta|casella] è [scaduta|bloccata], [l'assistenza non risponde|da {day}|di nuovo]
[l'informatica|il reparto IT] dice di [riavviare|cambiare la password entro {day}|non aprire allegati]
come [cambio|reimposto] [la mia password|il pin della segreteria|la firma]?
qual è [la password del wifi|il codice della porta al piano {n}|la chiave della rete ospiti]?
il codice [del cancello|dell'allarme|del garage] è {digits4}, [come sempre|cancelletto alla fine]
[conferma|mandami|dammi] [il tuo indirizzo|il tuo numero|la tua taglia|l'orario di arrivo] [entro {day}|per favore|per la lista]
[pago|faccio il bonifico per|mando] [l'affitto|la caparra|la tua parte|i {price}] [domani|{day}|a {name}]
la fattura {order} è [pagata|scaduta|da pagare entro il {date}], [{price}|importo {price}]
ordine {order} [spedito|consegnato|annullato]; [spedizione|pacco] {track}
il [ticket|caso|fascicolo] {order} è [chiuso|aperto|dal fornitore]
chiamami al {phone}[| dopo le {time}| per {topic}]
[guarda|leggi|vedi] {link}[|, pagina {n}|, bell'articolo]
abbiamo [rilasciato|provato|tolto] la versione {version} su {host}
{ip} [non risponde|funziona di nuovo|ci mette {n} ms]
il commit {hex} ha [rotto|sistemato] [la build|i test|l'accesso]
il log dice errore 0x{hex8} alle {time}, [ti dice qualcosa|qualche idea]?
abbiamo [vinto|perso] {n} a {n}, [che partita|il portiere dormiva|rigore all'ultimo minuto]
[mia suocera|{name}|la nonna] fa [le migliori lasagne|un ragù pazzesco|la parmigiana più buona]
[metti|aggiungi] {n} [uova|cucchiai di farina|spicchi d'aglio], {n} minuti [in forno|a fuoco lento]
[i bambini hanno|mia figlia ha|il piccolo ha] [la febbre|una partita|una verifica] {day}
[buon compleanno|congratulazioni|guarisci presto|forza] {name}[!|!!!| :-)]
[muoio|stiamo morendo] di [fame|freddo|caldo|sonno] [qui|in ufficio]
[questo caldo|questa riunione|la dieta] mi uccide
{name} mi ammazza se [dimentico il latte|arrivo tardi di nuovo]
ucciderei per [una pizza|un pisolino|una vacanza]
chi ha [mangiato il mio yogurt|preso la mia pinzatrice|visto il mio caricatore]?
[biscotti|biglietti|pizza] gratis [in cucina|per {day}|in portineria]
hai vinto [la lotteria|a carte]? [complimenti|non ci credo]
hai visto [le foto|le mie foto] [della festa|di Lisbona|del bimbo]? {link}
eri tu [sulla macchina rossa|in bici|in stazione] [stamattina|ieri]?
il [medico|dentista|veterinario] mi vede alle {time} [{day}|domani]
l'appartamento è {n} metri[, {price} al mese| senza ascensore]
il volo {flight} [parte|arriva] alle {time}, [posto|uscita] {n}, prenotazione {booking}
[non dimenticare le chiavi|non dire niente a {name}, sorpresa|non aspettarmi|non preoccuparti]
resti tra noi: la torta è [comprata|di {name}]
[urgente|veloce]: [il cliente|{name}|la banca] [ha chiamato|vuole i numeri alle {time}|chiede di {topic}]
mi dai accesso [alla cartella|al repository|al calendario]?
[installa|scarica] [l'aggiornamento|TeamViewer a papà|l'app], [è più veloce|e riavvia]
[il capo|la direzione|{name} dell'amministrazione] [è in ferie|ha gradito le slide|viene {day}]
regaliamo [una gift card|dei fiori|dei cioccolatini] a {name}, [ci stai|pago io]
[ti amo|mi manchi|baci], [a stasera|dormi bene|a dopo]
[ok|sì|no|grazie|va bene|perfetto|certo|fatto|hm|ahah|prego|a dopo]
[come va|a che punto siamo con] {topic}?
il budget [è di {price}|sfora del {n} per cento|torna]
numero di serie {digits12}, [modello|pezzo] {digits4}-{n}
il [suo|mio] numero nuovo è {phone}[|, segnalo]
articolo {digits8}, [taglia|quantità] {n}, [disponibile|esaurito]
ti serve [qualcosa|del latte|del pane] [al mercato|dal fornaio]?
a nessuno piace [il lunedì|scrivere il verbale]
i dati su [immigrazione|stranieri|rifugiati] sono [nel rapporto|al telegiornale] [di {day}|di oggi]
abbiamo visto [il museo ebraico|la moschea|il corteo del pride] a [Roma|Torino]
voglio [vederti|chiamarti|venirti a trovare] [{day}|presto|prima del volo]
dove abiti [adesso|di preciso]? ti mando [l'invito|una cartolina]
al turno {n} ti [batto|distruggo a scacchi], [rivincita|un'altra]?
"""


def _digits(chance: Chance, count: int) -> str:
    return "".join(chance.choices(string.digits, k=count))


def _hex(chance: Chance, count: int) -> str:
    return "".join(chance.choices("0123456789abcdef", k=count))


def _any(*of: str) -> Callable[[Chance], str]:
    return lambda chance: chance.choice(of)


def _shaped(*shapes: str) -> Callable[[Chance], str]:
    """`9` becomes any digit, `X` any capital or digit."""

    def fill(chance: Chance) -> str:
        shape = chance.choice(shapes)
        kinds = {"9": string.digits, "X": string.ascii_uppercase + string.digits}
        return "".join(chance.choice(kinds[char]) if char in kinds else char for char in shape)

    return fill


def _link(chance: Chance) -> str:
    host = chance.choice(_HOSTS)
    path = chance.choice(
        [
            "", "/", f"/{chance.choice(_WORDS)}/{chance.choice(_WORDS)}-{_digits(chance, 5)}.html",
            f"/{chance.choice(_WORDS)}?id={_digits(chance, 4)}&utm_source=chat", f"/d/{_hex(chance, 22)}/edit",
            f"/{chance.choice(_WORDS)}/{_digits(chance, 4)}/{_digits(chance, 2)}/", f"/i/{_hex(chance, 7)}.png",
            f"/browse/OPS-{_digits(chance, 4)}", f"/watch?v={_hex(chance, 11)}&t=43s", f"/#/{chance.choice(_WORDS)}",
            f"/docs/{chance.choice(_WORDS)}.pdf",
        ]
    )  # fmt: skip
    return f"{chance.choice(['https://', 'https://', 'http://', 'https://www.'])}{host}{path}"


_HOSTS_WRITTEN = """wiki.corp.example intranet.corp.example bbc.co.uk heise.de sbb.ch lefigaro.fr marca.com corriere.it rtp.pt
    stackoverflow.com github.com gitlab.com youtube.com maps.google.com open.spotify.com en.wikipedia.org amazon.de
    booking.com airbnb.com ikea.com doodle.com trello.com figma.com ebay.co.uk ryanair.com bahn.de meteo.fr
    fussball.example chefkoch.de marmiton.org allrecipes.com python.org kernel.org imdb.com"""
_HOSTS = _HOSTS_WRITTEN.split()
_WORDS_WRITTEN = """news sport recipes review travel offers article team help guide event rooms price album weather"""
_WORDS = _WORDS_WRITTEN.split()
_SLOTS: dict[str, Callable[[Chance], str]] = {
    "name": _any("Anna", "Ben", "Chloé", "Dario", "Eva", "Felix", "Giulia", "Hugo", "Inês", "Jonas", "Karim", "Léa",
                 "Marta", "Nuno", "Olga", "Pablo", "Rosa", "Sven"),
    "topic": _any("Q3", "the Miller account", "Projekt Aurora", "la campagne", "la mudanza", "o orçamento", "la fiera",
                  "ISO 9001", "SAP", "GDPR", "the roof", "release 12", "Weihnachten", "Madrid"),
    "file": lambda c: f"{c.choice(['plan', 'offer', 'Budget', 'notes_v2', 'Vertrag', 'devis', 'acta', 'slides', 'foto'])}"
                      f"{c.choice(['', '-' + _digits(c, 2), ' final', '_' + _digits(c, 4)])}"
                      f"{c.choice(['.pdf', '.docx', '.xlsx', '.pptx', '.odt', '.txt', '.zip', '.jpg', '.csv'])}",
    "time": lambda c: c.choice(["{h}:{m:02}", "{h}.{m:02}", "{h}h{m:02}", "{h}"]).format(h=c.randrange(24), m=c.randrange(60)),
    "day": _any("Monday", "Montag", "mardi", "miércoles", "quinta", "venerdì", "24.12.", "3/11"),
    "date": lambda c: c.choice(["{d}.{m}.2026", "{d:02}/{m:02}/2026", "2026-{m:02}-{d:02}"]).format(d=c.randint(1, 28), m=c.randint(1, 12)),
    "n": lambda c: str(c.randint(1, 60)),
    "price": lambda c: c.choice(["{} €", "€{}", "${}", "CHF {}", "{} EUR", "£{}", "R$ {}"]).format(
        c.choice([f"{c.randint(1, 9)}'{_digits(c, 3)}", f"{c.randint(2, 999)}", f"{c.randint(1, 900)},{_digits(c, 2)}"])),
    "order": _shaped("99999999", "INV-2026-9999", "4500999999", "999-9999999-9999999", "#9999", "RE99/99999", "XXXXXXXX"),
    "track": _shaped("1ZXXXXXXXXXXXXXXXX", "99999999999999", "RR999999999CH", "9999 9999 9999 9999 9999", "JD0999999999999999"),
    "phone": _shaped("+41 79 999 99 99", "+49 151 99999999", "0171/9999999", "06 99 99 99 99", "+34 699 999 999",
                     "+351 919 999 999", "+39 333 9999999", "(999) 999-9999", "+1 999 999 9999", "+55 11 99999-9999"),
    "link": _link,
    "version": lambda c: ".".join(str(c.randrange(24)) for _ in range(c.randint(2, 4))),
    "host": _any("web1", "db-02", "mail.corp.example", "build-7", "staging", "k8s-node-3"),
    "ip": lambda c: ".".join(str(c.randint(1, 254)) for _ in range(4)),
    "hex": lambda c: _hex(c, c.choice([7, 12, 40])),
    "hex8": lambda c: _hex(c, 8),
    "digits4": lambda c: _digits(c, 4),
    "digits8": lambda c: _digits(c, 8),
    "digits12": lambda c: _digits(c, c.choice([12, 14, 15, 16])),
    "flight": _shaped("LH9999", "AF 999", "IB9999", "TP999", "AZ 999", "U29999"),
    "booking": _shaped("XXXXXX"),
}  # fmt: skip
LANGUAGES = {
    "en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH, "es": _SPANISH, "pt": _PORTUGUESE, "it": _ITALIAN,
}  # fmt: skip
LINES = {language: grammar.strip().splitlines() for language, grammar in LANGUAGES.items()}


def line(chance: Chance, language: str) -> str:
    """One message."""
    said = _said(chance, chance.choice(LINES[language]))
    if chance.random() < 0.12:
        said += chance.choice([". ", ", ", "\n", " ", "... "]) + _said(chance, chance.choice(LINES[language]))
    shape = chance.random()
    if shape < 0.02:
        return said.upper()
    if shape < 0.1:
        return said.lower()
    return said[:1].upper() + said[1:] if shape < 0.3 else said


def talk(count: int, seed: int = 11) -> Iterator[str]:
    """Lines of all languages in turn."""
    chance = random.Random(seed)
    for number in range(count):
        yield line(chance, list(LINES)[number % len(LINES)])


def _said(chance: Chance, written: str) -> str:
    while (end := written.find("]")) >= 0:
        begin = written.rindex("[", 0, end)
        written = written[:begin] + chance.choice(written[begin + 1 : end].split("|")) + written[end + 1 :]
    front, *parts = written.split("{")
    return front + "".join(_SLOTS[name](chance) + rest for name, _, rest in (part.partition("}") for part in parts))
