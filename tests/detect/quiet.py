"""Ordinary chat in six languages, made by templates from a seed: what no content detector has any business with.

Every line is as harmless as people are: they swear at printers, forget passwords, send links, order and tracking
numbers, prices, versions, addresses and telephone numbers to each other.
"""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator

Chance = random.Random

_TEMPLATES = {
    "en": """
hi {name}, are you there?|good morning all|lunch at {time}?|see you at {time} then
I'm running {small} minutes late, sorry|can you send me the report by {date}?|the meeting moved to {time}
did you get my email about {file}?|I put it on the share: {file}
order {order} has shipped, tracking number {digits16}|your parcel {tracking} arrives {date}
invoice {order} over {price} is due {date}|call me on {phone}|my new number is {phone}
conference call: {phone}, id {digits9}|look at {link}|docs are at {link}, page {small}|the server {ip} is down again
{ip} answers now, ping is {small} ms|we run version {version} on {host}|upgrade to {version} broke the build
this fucking printer again|damn, I missed the bus|shit, the build is red|what an idiot that driver was
bloody hell, it's cold today|oh crap, wrong window|you're kidding|you are so funny|you are a star, thank you
you are not stupid, the form is|I could kill for a coffee|the stairs will kill me one day|I forgot my password again
how do I reset the password?|you need to change your password every 90 days|what's the wifi password?
never send anyone your password|the password policy says {small} characters|the helpdesk says to restart it
IT support closed ticket {order}|ask the security team|send me the code for review|can you send the code to {name}?
the code is on branch fix-{num}|please verify the totals in {file}|please confirm your address for the parcel
we should buy {name} a gift card for her birthday|I transferred the {price} to you yesterday
send me your IBAN and I'll pay you back|rent is {price} now|what is your number?|send me your photos from the trip
show me your new kitchen|is this you or {name}?|are these your keys?|I want to see you on {date}
I'll beat you at chess tonight|we'll destroy them in the final|watch your step|my boss is going to kill me haha
you will die laughing|go to {link} and sign in|check out this video {link}|did you see this? {link}
the new screensaver is cute|free parking in front of the office|the deal is confidential, keep that in mind
it's a secret santa|top secret recipe: more butter|internal use of the room is fine|my flight is {flight} at {time}
seat {small}C, booking {booking}|room {num}, floor {small}|{price} for two tickets|it's {small} degrees here
let me install TeamViewer on mum's laptop|can you give me access to the repository?
open the remote desktop and look at the log|don't tell {name}, it's a surprise|urgent: the customer called twice
asap please|we won {small}:{small}!|you've won, I give up|nobody likes Mondays|everyone hates the new coffee
shut the door please|MAC is {mac}|uuid {uuid}|commit {hex}|ISBN {isbn}|error 0x{hex8} at {time}
SELECT * FROM t WHERE id = {digits9}|case number {digits16}|serial no {digits16}|account number {digits9} at the gym
part {num}-{small}-{num}4|size {small}, colour blue|I owe you {price}|happy birthday {name}!!!|lol|ok|thx|brb|:-)|yes
no|?
""",
    "de": """
hallo {name}, bist du da?|guten Morgen zusammen|Mittag um {time}?|dann bis {time}
ich komme {small} Minuten später, sorry|schönes Wochenende|kannst du mir den Bericht bis {date} schicken?
die Besprechung ist jetzt um {time}|hast du meine Mail wegen {file} bekommen?|liegt auf dem Laufwerk: {file}
Bestellung {order} ist unterwegs, Sendungsnummer {digits16}|dein Paket {tracking} kommt am {date}
Rechnung {order} über {price} ist am {date} fällig|ruf mich an: {phone}|meine neue Nummer ist {phone}
schau mal {link}|steht auf {link}, Seite {small}|der Server {ip} ist wieder weg|{ip} antwortet jetzt
wir haben Version {version} auf {host}|seit {version} geht der Build nicht|so ein Mist, der Drucker spinnt
verdammt, Bus verpasst|Scheiße, schon wieder rot|der Idiot hat mir die Vorfahrt genommen|Himmel, Arsch und Zwirn
du bist ein Schatz|du bist nicht dumm, das Formular ist es|du Glückspilz|geile Idee!|ich habe mein Passwort vergessen
wie setze ich das Passwort zurück?|du musst dein Passwort alle 90 Tage ändern|wie ist das WLAN-Passwort?
gib niemals dein Passwort weiter|die IT sagt, neu starten|der Support hat Ticket {order} geschlossen
frag die Sicherheitsabteilung|schick mir den Code zum Review|der Code liegt auf fix-{num}
bitte bestätige deine Adresse für das Paket|wir schenken {name} eine Geschenkkarte
die {price} habe ich gestern überwiesen|schick mir deine IBAN, dann zahle ich zurück|die Miete ist jetzt {price}
schick mir deine Fotos vom Urlaub|zeig mir deine neue Küche|bist du das oder {name}?|ich will dich am {date} sehen
die Hitze bringt mich um|ich mach dich heute Abend beim Schach fertig|wir hauen sie im Finale weg
der Chef bringt mich um haha|geh auf {link} und melde dich an|hast du das gesehen? {link}
das ist vertraulich, denk dran|streng geheimes Rezept: mehr Butter|nur für den internen Gebrauch der Küche
mein Flug ist {flight} um {time}|Platz {small}C, Buchung {booking}|Zimmer {num}, Stock {small}
{price} für zwei Karten|hier sind es {small} Grad|ich installiere Mama TeamViewer|gib mir Zugriff auf das Repository
sag {name} nichts, Überraschung|dringend: der Kunde hat zweimal angerufen|sofort bitte
wir haben {small}:{small} gewonnen!|niemand mag Montage|mach die Tür zu|MAC ist {mac}|Commit {hex}|ISBN {isbn}
Kundennummer {digits9}|Auftrag {digits16}|Vertragsnummer {num}-{num}|alles Gute {name}!!!|ok|danke|bis gleich|ja|nein
hm|lg|mfg|ich fahre zurück in meine Heimat|die Ausstellung über Juden in Wien ist gut
die Ausländerbehörde hat um {time} offen|ich weiß, wo du wohnst? nein, schick mir die Adresse
""",
    "fr": """
salut {name}, tu es là ?|bonjour à tous|on mange à {time} ?|à {time} alors|j'ai {small} minutes de retard, désolé
bon week-end|tu peux m'envoyer le rapport avant le {date} ?|la réunion est à {time}|tu as reçu mon mail pour {file} ?
c'est sur le partage : {file}|commande {order} expédiée, numéro de suivi {digits16}
ton colis {tracking} arrive le {date}|facture {order} de {price} à payer le {date}|appelle-moi au {phone}
mon nouveau numéro : {phone}|regarde {link}|la doc est sur {link}, page {small}|le serveur {ip} est encore tombé
{ip} répond|on est en version {version} sur {host}|depuis {version} ça ne compile plus|putain, j'ai raté mon train
merde, encore une panne|quel con ce chauffeur|bordel, il fait froid|tu es un amour|tu es un génie
t'es pas bête, c'est le formulaire|tu es nul en maths, moi aussi|ce boulot va me tuer|j'ai oublié mon mot de passe
comment changer le mot de passe ?|il faut changer votre mot de passe tous les 90 jours|c'est quoi le code wifi ?
ne donnez jamais votre mot de passe|l'informatique dit de redémarrer|le support a fermé le ticket {order}
demande au service sécurité|envoie-moi le code pour relecture|le code est sur la branche fix-{num}
confirme ton adresse pour le colis|on offre une carte cadeau à {name}|je t'ai viré les {price} hier
envoie-moi ton RIB et je te rembourse|le loyer passe à {price}|montre-moi tes photos de vacances
c'est toi ou {name} ?|j'ai envie de te voir le {date}|on va les écraser en finale|le chef va me tuer mdr
va sur {link} et connecte-toi|tu as vu ça ? {link}|c'est confidentiel, pense-y|usage interne de la salle possible
mon vol est {flight} à {time}|place {small}C, réservation {booking}|chambre {num}, étage {small}
{price} pour deux places|il fait {small} degrés ici|j'installe TeamViewer chez maman|donne-moi accès au dépôt
ne dis rien à {name}, c'est une surprise|urgent : le client a appelé deux fois|tout de suite stp
on a gagné {small} à {small} !|personne n'aime le lundi|ferme la porte|adresse MAC {mac}|commit {hex}|ISBN {isbn}
dossier {digits16}|client {digits9}|bon anniversaire {name} !!!|ok|merci|à tout|oui|non|mdr|bisous
je rentre dans mon pays à Noël|les voisins arabes font un couscous samedi
je sais où tu habites ? non, envoie l'adresse|retourne voir {name} demain|tu vas mourir de rire
""",
    "es": """
hola {name}, ¿estás?|buenos días a todos|¿comemos a las {time}?|nos vemos a las {time}
llego {small} minutos tarde, perdona|buen fin de semana|¿me mandas el informe antes del {date}?
la reunión es a las {time}|¿recibiste mi correo de {file}?|está en la carpeta: {file}
pedido {order} enviado, número de seguimiento {digits16}|tu paquete {tracking} llega el {date}
factura {order} de {price}, vence el {date}|llámame al {phone}|mi número nuevo es {phone}|mira {link}
la documentación está en {link}, página {small}|el servidor {ip} está caído|{ip} ya responde
usamos la versión {version} en {host}|desde {version} no compila|joder, se ha roto otra vez|qué mierda de tiempo
el idiota del vecino|coño, qué frío|maldita impresora|eres un sol|eres un crack|no eres tonto, es el formulario
este calor me va a matar|olvidé mi contraseña|¿cómo cambio la contraseña?
tienes que cambiar tu contraseña cada 90 días|¿cuál es la clave del wifi?|nunca compartas tu contraseña
informática dice que reinicies|soporte cerró el ticket {order}|pregunta a seguridad|mándame el código para revisar
el código está en la rama fix-{num}|confirma tu dirección para el paquete|compramos una tarjeta de regalo a {name}
te pasé los {price} ayer|mándame tu IBAN y te lo devuelvo|el alquiler sube a {price}|enséñame tus fotos del viaje
¿eres tú o {name}?|quiero verte el {date}|les vamos a ganar en la final|el jefe me va a matar jajaja
entra en {link} y regístrate|¿viste esto? {link}|es confidencial, ojo|uso interno de la sala
mi vuelo es {flight} a las {time}|asiento {small}C, reserva {booking}|habitación {num}, planta {small}
{price} por dos entradas|aquí hace {small} grados|instalo TeamViewer a mamá|dame acceso al repositorio
no le digas nada a {name}, es sorpresa|urgente: el cliente llamó dos veces|cuanto antes porfa
¡ganamos {small} a {small}!|nadie quiere los lunes|cierra la puerta|MAC {mac}|commit {hex}|ISBN {isbn}
expediente {digits16}|cliente {digits9}|feliz cumpleaños {name}!!!|ok|gracias|vale|sí|no|jajaja|besos
vuelvo a mi país en Navidad|no sé dónde vives, mándame la dirección|te vas a morir de risa
""",
    "pt": """
olá {name}, estás aí?|bom dia a todos|almoço às {time}?|até às {time}|chego {small} minutos atrasado, desculpa
bom fim de semana|podes mandar o relatório até {date}?|a reunião é às {time}|recebeste o meu email sobre {file}?
está na pasta: {file}|encomenda {order} enviada, rastreio {digits16}|a tua encomenda {tracking} chega a {date}
fatura {order} de {price}, vence a {date}|liga-me: {phone}|o meu número novo é {phone}|olha {link}
a documentação está em {link}, página {small}|o servidor {ip} caiu outra vez|{ip} já responde
temos a versão {version} em {host}|desde {version} não compila|merda, perdi o autocarro|que droga de tempo
o idiota do vizinho|caramba, que frio|porra de impressora|és um amor|você é um gênio|não és burro, é o formulário
este calor vai matar-me|esqueci a minha senha|como mudo a senha?|tens de mudar a tua senha a cada 90 dias
qual é a senha do wifi?|nunca partilhe a sua senha|a informática diz para reiniciar|o suporte fechou o ticket {order}
pergunta à segurança|manda-me o código para rever|o código está no ramo fix-{num}
confirma a tua morada para a encomenda|damos um cartão presente à {name}|transferi-te os {price} ontem
manda o teu IBAN e eu devolvo|a renda sobe para {price}|manda fotos da viagem|és tu ou a {name}?
quero ver-te a {date}|vamos ganhar a final|o chefe vai me matar kkkk|entra em {link} e regista-te|viste isto? {link}
é confidencial, cuidado|uso interno da sala|o meu voo é {flight} às {time}|lugar {small}C, reserva {booking}
quarto {num}, piso {small}|{price} por dois bilhetes|aqui estão {small} graus|instalo o TeamViewer à mãe
me dá acesso ao repositório|não digas à {name}, é surpresa|urgente: o cliente ligou duas vezes|quanto antes
ganhámos {small} a {small}!|ninguém gosta de segundas|fecha a porta|MAC {mac}|commit {hex}|ISBN {isbn}
processo {digits16}|cliente {digits9}|parabéns {name}!!!|ok|obrigado|beleza|sim|não|kkkk|abraço
volto para a minha terra no Natal|não sei onde moras, manda a morada
""",
    "it": """
ciao {name}, ci sei?|buongiorno a tutti|pranzo alle {time}?|a dopo, alle {time}
arrivo {small} minuti in ritardo, scusa|buon fine settimana|mi mandi il rapporto entro il {date}?
la riunione è alle {time}|hai ricevuto la mia mail su {file}?|è nella cartella: {file}
ordine {order} spedito, numero di spedizione {digits16}|il tuo pacco {tracking} arriva il {date}
fattura {order} di {price}, scade il {date}|chiamami al {phone}|il mio numero nuovo è {phone}|guarda {link}
la documentazione è su {link}, pagina {small}|il server {ip} è giù di nuovo|{ip} ora risponde
usiamo la versione {version} su {host}|da {version} non compila|cazzo, ho perso il treno|che merda di tempo
l'idiota del vicino|porca miseria, che freddo|maledetta stampante|sei un tesoro|sei un genio
non sei stupido, è il modulo|questo caldo mi uccide|ho dimenticato la mia password|come cambio la password?
devi cambiare la tua password ogni 90 giorni|qual è la password del wifi?|non comunicare mai la tua password
l'assistenza dice di riavviare|il supporto ha chiuso il ticket {order}|chiedi alla sicurezza
mandami il codice da rivedere|il codice è nel ramo fix-{num}|conferma il tuo indirizzo per il pacco
regaliamo una gift card a {name}|ti ho mandato i {price} ieri|mandami il tuo IBAN e ti rimborso
l'affitto sale a {price}|mandami le foto del mare|sei tu o {name}?|voglio vederti il {date}|li battiamo in finale
il capo mi ammazza ahahah|vai su {link} e registrati|hai visto questo? {link}|è riservato, attento
uso interno della sala|il mio volo è {flight} alle {time}|posto {small}C, prenotazione {booking}
camera {num}, piano {small}|{price} per due biglietti|qui ci sono {small} gradi|installo TeamViewer alla mamma
dammi l'accesso al repository|non dirlo a {name}, è una sorpresa|urgente: il cliente ha chiamato due volte
subito per favore|abbiamo vinto {small} a {small}!|a nessuno piace il lunedì|chiudi la porta|MAC {mac}|commit {hex}
ISBN {isbn}|pratica {digits16}|cliente {digits9}|buon compleanno {name}!!!|ok|grazie|va bene|sì|no|ahah|un abbraccio
torno nel mio paese a Natale|non so dove abiti, mandami l'indirizzo
""",
}
LINES = {language: written.replace("\n", "|").strip("|").split("|") for language, written in _TEMPLATES.items()}


def _digits(chance: Chance, count: int) -> str:
    return "".join(chance.choices(string.digits, k=count))


def _hex(chance: Chance, count: int) -> str:
    return "".join(chance.choices("0123456789abcdef", k=count))


def _pick(*choices: str) -> Callable[[Chance], str]:
    return lambda chance: chance.choice(choices)


def _phone(chance: Chance) -> str:
    two, three, four = (_digits(chance, count) for count in (2, 3, 4))
    forms = (f"+49 {three} {two}{four}", f"0{three}/{four}{two}", f"+33 6 {two} {two} 1{two[0]} {four[:2]} 07",
             f"({three}) {three}-{four}", f"+1-{three}-{three}-{four}", f"+351 9{two} {three} {three}",
             f"0{three} {three} {four}",
             f"+55 11 9{four}-{four}", f"+39 3{two} {three}{four}", f"00{two}{three}{four}{three}")  # fmt: skip
    return chance.choice(forms)


def _link(chance: Chance) -> str:
    host = chance.choice(
        ["www.example.com", "wiki.corp.example", "news.example.org", "www.youtube.com", "docs.python.org", "github.com",
         "maps.google.com", "en.wikipedia.org", "shop.example.net", "intranet", "10.1.2.3:8080", "www.spiegel.de",
         "www.lemonde.fr", "elpais.com", "www.publico.pt", "www.repubblica.it", "zoom.us", "forum.example.co.uk"]
    )  # fmt: skip
    path = chance.choice(
        [f"/a/{_digits(chance, 6)}", f"/watch?v={_hex(chance, 11)}", "/index.php?id=" + _digits(chance, 4), "/", "",
         f"/2026/11/{_digits(chance, 2)}/story-{_hex(chance, 6)}.html", f"/files/plan-{_digits(chance, 3)}.pdf",
         f"/order/{_digits(chance, 16)}", f"/img/{_hex(chance, 8)}.jpg", "/login",
         f"/j/{_digits(chance, 11)}?pwd={_hex(chance, 10)}"]
    )  # fmt: skip
    return f"{chance.choice(['http', 'https', 'https'])}://{host}{path}"


_SLOTS: dict[str, Callable[[Chance], str]] = {
    "name": _pick("Anna", "Bob", "Chloé", "Dieter", "Elena", "Francesco", "Gonçalo", "Hannah", "Ines", "Jörg", "Zoë"),
    "time": lambda c: f"{c.randrange(24)}:{c.randrange(60):02}",
    "date": lambda c: c.choice(["{d}.{m}.2026", "2026-{m:02}-{d:02}", "{m}/{d}/26", "{d}/{m}"]).format(
        d=c.randint(1, 28), m=c.randint(1, 12)
    ),
    "small": lambda c: str(c.randint(1, 40)),
    "num": lambda c: _digits(c, 3),
    "digits9": lambda c: _digits(c, 9),
    "digits16": lambda c: _digits(c, 16),
    "order": lambda c: c.choice(
        [f"#{_digits(c, 8)}", _digits(c, 10), f"{_digits(c, 3)}-{_digits(c, 7)}-{_digits(c, 7)}"]
    ),
    "tracking": lambda c: c.choice(
        [f"1Z{_hex(c, 16).upper()}", f"RR{_digits(c, 9)}DE", _digits(c, 20), _digits(c, 14)]
    ),
    "price": lambda c: c.choice(["{} €", "€{}", "${}", "{} EUR", "£{}"]).format(
        f"{c.randint(1, 2000)}.{_digits(c, 2)}"
    ),
    "version": lambda c: ".".join(str(c.randrange(30)) for _ in range(c.randint(2, 4))),
    "ip": lambda c: ".".join(str(c.randint(1, 254)) for _ in range(4)),
    "host": _pick("web1", "db2.corp.example", "build-07", "mail.example.org"),
    "phone": _phone,
    "link": _link,
    "file": lambda c: (
        c.choice(["report", "plan", "Budget 2026", "fotos", "entwurf"])
        + c.choice([".pdf", ".xlsx", ".docx", ".zip", ".jpg"])
    ),
    "flight": lambda c: c.choice(["LH", "AF", "IB", "TP", "AZ"]) + _digits(c, 4),
    "booking": lambda c: "".join(c.choices(string.ascii_uppercase + string.digits, k=6)),
    "mac": lambda c: ":".join(_hex(c, 2) for _ in range(6)),
    "uuid": lambda c: "-".join(_hex(c, count) for count in (8, 4, 4, 4, 12)),
    "hex": lambda c: _hex(c, 40),
    "hex8": lambda c: _hex(c, 8),
    "isbn": lambda c: f"978-3-{_digits(c, 5)}-{_digits(c, 3)}-{_digits(c, 1)}",
}


def chat(count: int, seed: int = 1) -> Iterator[str]:
    """Lines of all languages in turn; now and then two of them in one message, or in capitals."""
    chance = random.Random(seed)
    languages = list(LINES)
    for number in range(count):
        line = _line(chance, LINES[languages[number % len(languages)]])
        if chance.random() < 0.1:
            line = (
                f"{line}{chance.choice([' ', '. ', chr(10)])}{_line(chance, LINES[languages[number % len(languages)]])}"
            )
        yield line.upper() if chance.random() < 0.01 else line


def _line(chance: Chance, templates: list[str]) -> str:
    parts = chance.choice(templates).split("{")
    return parts[0] + "".join(
        _SLOTS[name](chance) + rest for name, _, rest in (part.partition("}") for part in parts[1:])
    )
