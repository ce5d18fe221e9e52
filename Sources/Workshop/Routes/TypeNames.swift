/// What is counted, in words for people. Russian is the only language there is.
enum TypeNames {
    static let russian: [(StatisticsType, String)] = StatisticsType.allCases.map { ($0, name($0)) }

    private static func name(_ type: StatisticsType) -> String {
        switch type {
        case .downloadSteam: "Запросы файлов модов Steam"
        case .download: "Запросы файлов с этого сервера"
        case .updateSteam: "Проверки обновлений в Steam"
        case .listMods: "Просмотры списка модов"
        case .listGames: "Просмотры списка игр"
        case .listTags: "Просмотры тегов игры"
        case .listTagsMods: "Запросы тегов модов"
        case .listGenres: "Просмотры списка жанров"
        case .listGenresGames: "Запросы жанров игр"
        case .listResourcesMods: "Запросы картинок модов"
        case .infoMod: "Запросы сведений о моде"
        case .infoGame: "Запросы сведений об игре"
        case .infoQueueSize: "Запросы длины очереди"
        case .conditionMod: "Запросы состояния модов"
        case .statisticsDelay: "Запросы скорости ответов"
        case .statisticsHour: "Запросы статистики по часам"
        case .statisticsDay: "Запросы статистики по дням"
        case .statisticsInfoAll: "Запросы общих сведений"
        case .statisticsTypeMap: "Запросы названий счётчиков"
        case .root: "Открытия главной страницы"
        case .start: "Запуски сервера"
        case .filesSent: "Отправленные файлы"
        case .modNotFoundLocal: "Мода не оказалось на сервере"
        case .damagedMod: "Повреждённые моды"
        case .updatingMod: "Начатые обновления модов"
        case .downloadOK: "Удачные загрузки из Steam"
        case .downloadError: "Неудачные загрузки из Steam"
        }
    }
}
